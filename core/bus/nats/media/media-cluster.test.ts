import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { millis } from '../../../media/time.ts';
import { trackName } from '../../../media/track.ts';
import { testBroadcast, testFrame, testTrack } from '../../testing/frames.ts';
import { freePort, startNatsServer, type TestNatsServer } from '../testing/nats-server.ts';
import { openParty, readPlaces, type Party } from './testing/rig.ts';

let servers: readonly TestNatsServer[];
let near: Party;
let far: Party;

/** Waits until the servers are one: before that, what is written at one is not heard at the other. */
const joined = (): Promise<void> =>
  vi.waitFor(async () => expect(await Promise.all(servers.map(async (server) => ((await server.monitor('/routez')) as { num_routes: number }).num_routes))).toEqual([1, 1]), { interval: 20 });

/** Waits until all that the writer's side subscribed to is known where the reader is: a question is answered by nobody before. */
async function isHeardFar(): Promise<void> {
  near.connection.subscribe('test.heard', { callback: (_error, message) => void message.respond() });
  await vi.waitFor(() => far.connection.request('test.heard', undefined, { timeout: 1000 }), { interval: 5 });
}

/** Two servers that are one, a process at each; where its server goes it moves to the other. */
beforeEach(async () => {
  const ports = [await freePort(), await freePort()];
  servers = await Promise.all(
    ports.map((port, at) => startNatsServer({ jetstream: false, name: `server-${at}`, config: `cluster { name: both, listen: "127.0.0.1:${port}", routes: [${ports.map((one) => `"nats-route://127.0.0.1:${one}"`).join(', ')}] }` })),
  );
  await joined();
  const [first, second] = servers as readonly [TestNatsServer, TestNatsServer];
  near = await openParty(first, 'near');
  far = await openParty(second, 'far');
}, 20_000);

afterEach(async () => {
  await Promise.all([near.close(), far.close()]);
  await Promise.all(servers.map((server) => server.stop()));
});

describe('frames over a cluster of NATS', () => {
  it('enters many tracks at once, each with its newest group, while they are written', async () => {
    const tracks = Array.from({ length: 20 }, (_, at) => trackName(`v${at}`));
    const producers = tracks.map((track) => ({ track, producer: near.media.produce(testBroadcast, track, { fence: 1 }) }));
    const write = (group: number, index: number): void => producers.forEach(({ track, producer }) => producer.write({ ...testFrame(group, index), track }));
    write(1, 0);
    const consumers = tracks.map((track) => far.media.consume(testBroadcast, track));
    write(1, 1);
    for (let group = 2; group <= 4; group += 1) {
      write(group, 0);
      write(group, 1);
      await near.connection.flush();
    }
    write(5, 0);
    for (const consumer of consumers) {
      const places: (string | undefined)[] = await readPlaces(consumer, 1);
      expect(places[0]?.endsWith('.0')).toBe(true);
      while (places.at(-1) !== '5.0') {
        places.push(...(await readPlaces(consumer, 1)));
      }
      // From wherever it entered on, it has all.
      expect(places.length).toBe((5 - Number.parseInt(places[0] ?? '', 10)) * 2 + 1);
      expect(consumer.losses.groups).toBe(0);
    }
  });

  it('loses nothing where the server of the writer goes, or that of the reader', async () => {
    const producer = near.media.produce(testBroadcast, testTrack, { fence: 1 });
    producer.write(testFrame(1, 0));
    await isHeardFar();
    const consumer = far.media.consume(testBroadcast, testTrack, { backlog: millis(6000) });
    expect(await readPlaces(consumer, 1)).toEqual(['1.0']);
    for (const [group, party, server] of [[2, near, servers[0]], [4, far, servers[1]]] as const) {
      const before = party.outages();
      await server?.kill();
      await vi.waitFor(() => expect(party.outages()).toBe(before + 1), { interval: 5 });
      producer.write(testFrame(group, 0));
      await server?.restart();
      await vi.waitFor(() => expect([near.media.isConnected, far.media.isConnected]).toEqual([true, true]), { interval: 5 });
      await joined();
      producer.write(testFrame(group + 1, 0));
      expect(await readPlaces(consumer, 2)).toEqual([`${group}.0`, `${group + 1}.0`]);
    }
    expect(consumer.losses.groups).toBe(0);
  }, 30_000);
});
