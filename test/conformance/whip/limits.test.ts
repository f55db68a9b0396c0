import { afterAll, beforeAll, expect, test } from 'vitest';

import { offerText } from '#core/rtc/sdp/testing/offers.ts';
import { startServer, type TestServer } from '#test/support/server.ts';
import { ask, codeOf, created } from './ask.ts';
import { connect } from './client.ts';

const keys = ['cam1_conformance-0123456789', 'cam2_conformance-0123456789', 'cam3_conformance-0123456789'] as const;
let server: TestServer | undefined;

beforeAll(async () => {
  server = await startServer({ config: { streamKeys: keys, maxRtcSessions: 2 } });
});

afterAll(() => server?.[Symbol.asyncDispose]());

const publish = (key: string, body = offerText('obs-30-whip')) =>
  ask('POST', `${server?.url}/whip`, { body, headers: { 'content-type': 'application/sdp', 'authorization': `Bearer ${key}` } });
const come = (key: string) => connect(offerText('obs-30-whip'), async (offer) => created(await publish(key, offer), server?.url ?? ''));

test('a stream that has its publisher is a conflict, told with Retry-After', async () => {
  const { session, peer } = await come(keys[0]);
  const conflict = await publish(keys[0]);
  expect([conflict.status, codeOf(conflict), Number(conflict.headers.get('retry-after')) > 0]).toEqual([409, 'ingest/stream-busy', true]);
  await ask('DELETE', session.url);
  await peer.close();
});

test('4.5: "In case of high load, the WHIP endpoints MAY return a \'503 Service Unavailable\' response", with "a Retry-After header field"; it passes', async () => {
  const [first, second] = [await come(keys[0]), await come(keys[1])];
  const full = await publish(keys[2]);
  expect([full.status, codeOf(full), Number(full.headers.get('retry-after')) > 0]).toEqual([503, 'rtc/too-many-sessions', true]);
  expect((await ask('DELETE', first.session.url)).status).toBe(200);
  created(await publish(keys[2]), server?.url ?? '');
  await Promise.all([first.peer.close(), second.peer.close()]);
});
