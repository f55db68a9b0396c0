import { afterAll, beforeAll } from 'vitest';

import { createLog } from '../../runtime/log.ts';
import { describeLink } from '../link.suite.ts';
import { connectNats } from './connect.ts';
import { startNatsServer, type TestNatsServer } from './testing/nats-server.ts';

const { log } = createLog({ level: (process.env['LOG'] as 'debug' | undefined) ?? 'silent' });

let server: TestNatsServer;

beforeAll(async () => {
  server = await startNatsServer();
});
afterAll(() => server.stop());

describeLink('NATS', async () => {
  // Every test begins with nothing known, as on a new bus.
  await server.restart({ wipe: true });
  const [near, far] = await Promise.all(['near', 'far'].map((node) => connectNats({ url: server.url, node, log })));
  return {
    near: near!,
    far: far!,
    close: async () => {
      await Promise.all([near?.close(), far?.close()]);
    },
  };
});
