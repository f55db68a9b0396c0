import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { connectNats, type NatsBus } from '#core/bus/nats/connect.ts';
import { startNatsServer, type TestNatsServer } from '#core/bus/nats/testing/nats-server.ts';
import { broadcastId } from '#core/media/frame.ts';
import { later, millis, systemClock, type WallTime } from '#core/media/time.ts';
import { trackName } from '#core/media/track.ts';

import { testEdge, until } from '../http/testing/edge.ts';
import { TestStream, TRACK_PATH } from '../http/testing/stream.ts';

let server: TestNatsServer;
const buses: NatsBus[] = [];

beforeAll(async () => {
  server = await startNatsServer();
  for (const node of ['origin', 'edge-1', 'probe']) {
    buses.push(await connectNats({ url: server.url, node, log: pino({ level: 'silent' }) }));
  }
});

afterAll(async () => {
  await Promise.all(buses.map((bus) => bus.close()));
  await server.stop();
});

/** Bytes that the server has sent to the media connection of a process, by its own count. */
async function received(node: string): Promise<number> {
  const { connections } = (await server.monitor('/connz')) as { readonly connections: readonly { readonly name?: string; readonly out_bytes: number }[] };
  return connections.filter(({ name }) => name === `millrace ${node} media`).reduce((sum, connection) => sum + connection.out_bytes, 0);
}

test('over NATS an edge gets media while it has viewers, from the backlog on, and none before or after', async () => {
  const [origin, bus, probe] = buses as [NatsBus, NatsBus, NatsBus];
  let passed = 0;
  const clock = (): WallTime => later(systemClock(), millis(passed));
  const { edge, get } = await testEdge({}, { bus, follow: 'watched', clock, node: 'edge-1' });
  const stream = new TestStream(origin, { frameBytes: 5000 });
  stream.parts(5 * 9);
  await until(async () => (await get('/live/demo/master.m3u8')).status === 200);
  const before = await received('edge-1');
  stream.parts(5);
  const { status, text } = await get(`${TRACK_PATH}/index.m3u8`);
  expect(status).toBe(200);
  // All of the backlog at once: groups that began in the last six seconds.
  expect(text).toContain('#EXT-X-MEDIA-SEQUENCE:103\n');
  expect(text).toContain('109.3.m4s');
  const filled = await received('edge-1');
  expect(before).toBeLessThan(20_000);
  expect(filled - before).toBeGreaterThan(6 * 30 * 5000);
  stream.parts(5);
  await until(async () => (await get(`${TRACK_PATH}/110.3.m4s`)).status === 200);
  const subscriptions = async (): Promise<number> => ((await server.monitor('/subsz')) as { readonly num_subscriptions: number }).num_subscriptions;
  const watching = await subscriptions();
  passed = 15_000;
  await until(async () => (await subscriptions()) < watching);
  const left = await received('edge-1');
  const other = probe.consume(broadcastId('testbroadcast'), trackName('video'));
  await other.next();
  stream.parts(5 * 5);
  // What the server has passed on to this reader it has passed on to all.
  for (let group: number | undefined = 0; group !== 115; group = (await other.next())?.group) {
    expect(group).toBeDefined();
  }
  expect((await received('edge-1')) - left).toBeLessThan(20_000);
  await edge.close();
}, 30_000);
