import { afterAll, beforeAll } from 'vitest';

import { startServer, type TestServer } from '#test/support/server.ts';
import { whipRules } from './rules.ts';

/** So many sessions are opened below, each of a stream of its own: a stream has one publisher. */
const STREAMS = 200;

const keys = Array.from({ length: STREAMS }, (_, index) => `cam${index}_conformance-0123456789`);
let server: TestServer | undefined;
let used = 0;

beforeAll(async () => {
  server = await startServer({ config: { streamKeys: keys, webrtcPort: 0 } });
});

afterAll(() => server?.[Symbol.asyncDispose]());

whipRules(() => ({
  url: server?.url ?? '',
  freshKey: () => {
    const key = keys[(used += 1)];
    if (key === undefined) {
      throw new Error(`more than ${STREAMS} sessions are opened`);
    }
    return key;
  },
}));
