import { afterAll, beforeAll } from 'vitest';

import { startPublisher, type Publisher } from '#test/support/publisher.ts';
import { startServer, type TestServer } from '#test/support/server.ts';
import { until } from '#test/support/until.ts';
import { whepRules } from './rules.ts';

const KEY = 'cam1_conformance-0123456789';
let server: TestServer | undefined;
let publisher: Publisher | undefined;

beforeAll(async () => {
  const started = await startServer({ config: { streamKeys: [KEY, 'cam2_conformance-0123456789'], ladder: 'source' } });
  server = started;
  publisher = startPublisher({ url: started.publishUrl(KEY) });
  await until('the stream to be on air', async () => (await fetch(`${started.url}/live/cam1/master.m3u8`)).ok, { deadline: 30_000 });
});

afterAll(async () => {
  await publisher?.[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
});

whepRules(() => ({ url: server?.url ?? '', onAir: 'cam1', offAir: 'cam2' }));
