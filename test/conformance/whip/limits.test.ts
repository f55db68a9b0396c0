import { afterAll, beforeAll, expect, test } from 'vitest';

import { offerText } from '#core/rtc/sdp/testing/offers.ts';
import { startServer, type TestServer } from '#test/support/server.ts';
import { ask, codeOf, created } from './ask.ts';

const keys = ['cam1_conformance-0123456789', 'cam2_conformance-0123456789', 'cam3_conformance-0123456789'] as const;
let server: TestServer | undefined;

/** Half of the sessions may be on their way: there is room for two publishers who never come. */
beforeAll(async () => {
  server = await startServer({ config: { streamKeys: keys, maxRtcSessions: 4 } });
});

afterAll(() => server?.[Symbol.asyncDispose]());

const publish = (key: string) =>
  ask('POST', `${server?.url}/whip`, { body: offerText('obs-30-whip'), headers: { 'content-type': 'application/sdp', 'authorization': `Bearer ${key}` } });

test('4.5: "in case of high load, the WHIP endpoints MAY return a \'503 Service Unavailable\' response" with Retry-After; a stream that has its publisher is a conflict; both pass', async () => {
  const first = created(await publish(keys[0]), server?.url ?? '');
  const conflict = await publish(keys[0]);
  expect([conflict.status, codeOf(conflict), Number(conflict.headers.get('retry-after')) > 0]).toEqual([409, 'ingest/stream-busy', true]);
  created(await publish(keys[1]), server?.url ?? '');
  const full = await publish(keys[2]);
  expect([full.status, codeOf(full), Number(full.headers.get('retry-after')) > 0]).toEqual([503, 'rtc/too-many-sessions', true]);
  expect((await ask('DELETE', first.url)).status).toBe(200);
  created(await publish(keys[2]), server?.url ?? '');
});
