import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { testBroadcast, testFrame, testTrack } from '../../testing/frames.ts';
import { startNatsServer, type TestNatsServer } from '../testing/nats-server.ts';
import { WINDOW_BYTES } from './outlet.ts';
import { openParty, readPlaces, type Party } from './testing/rig.ts';

let server: TestNatsServer;
let near: Party;
let far: Party;

beforeEach(async () => {
  server = await startNatsServer({ jetstream: false });
  [near, far] = [await openParty(server, 'near'), await openParty(server, 'far')];
});

afterEach(async () => {
  await Promise.all([near.close(), far.close()]);
  await server.stop();
});

/** Waits until a process has seen its connection go. */
async function cutOff(...parties: readonly Party[]): Promise<void> {
  await server.kill();
  await vi.waitFor(() => parties.forEach(({ media }) => expect(media.isConnected).toBe(false)), { interval: 5 });
}

async function connectedAgain(...parties: readonly Party[]): Promise<void> {
  await server.restart();
  await vi.waitFor(() => parties.forEach(({ media }) => expect(media.isConnected).toBe(true)), { interval: 5 });
}

/** Groups of two frames, as places. */
const placesOf = (from: number, to: number): string[] => Array.from({ length: to - from + 1 }, (_, at) => [`${from + at}.0`, `${from + at}.1`]).flat();

describe('frames over a NATS that comes and goes', () => {
  const write = (producer: ReturnType<Party['media']['produce']>, from: number, to: number, bytes = 10): void => {
    for (let group = from; group <= to; group += 1) {
      producer.write(testFrame(group, 0, { bytes }));
      producer.write(testFrame(group, 1, { bytes }));
    }
  };

  it('loses nothing over an outage that is shorter than what the origin keeps', async () => {
    const producer = near.media.produce(testBroadcast, testTrack, { fence: 1 });
    write(producer, 1, 1);
    const consumer = far.media.consume(testBroadcast, testTrack);
    const local = near.media.consume(testBroadcast, testTrack);
    expect(await readPlaces(consumer, 2)).toEqual(placesOf(1, 1));
    await cutOff(near, far);
    write(producer, 2, 7);
    expect(await readPlaces(local, 14)).toEqual(placesOf(1, 7));
    await connectedAgain(near, far);
    write(producer, 8, 8);
    expect(await readPlaces(consumer, 14)).toEqual(placesOf(2, 8));
    expect(consumer.losses).toEqual({ groups: 0, frames: 0 });
    await vi.waitFor(() => expect(consumer.isBehind).toBe(false), { interval: 5 });
  });

  it('brings readers who stayed connected what they missed, although nothing follows', async () => {
    const producer = near.media.produce(testBroadcast, testTrack, { fence: 1 });
    write(producer, 1, 1);
    const consumer = far.media.consume(testBroadcast, testTrack);
    expect(await readPlaces(consumer, 2)).toEqual(placesOf(1, 1));
    near.media.disconnected();
    write(producer, 2, 4);
    near.media.reconnected();
    expect(await readPlaces(consumer, 6)).toEqual(placesOf(2, 4));
  });

  it('goes on with the oldest group that is left after a longer one, and counts what is lost', async () => {
    const producer = near.media.produce(testBroadcast, testTrack, { fence: 1 });
    write(producer, 1, 1);
    const consumer = far.media.consume(testBroadcast, testTrack);
    expect(await readPlaces(consumer, 2)).toEqual(placesOf(1, 1));
    await cutOff(near, far);
    write(producer, 2, 20);
    await connectedAgain(near, far);
    write(producer, 21, 21);
    // The track keeps 8 s: 12 to 20, while 21 comes as it is written or ends the keeping of 12.
    const first = (await readPlaces(consumer, 1))[0] ?? '';
    expect(['12.0', '13.0']).toContain(first);
    const from = Number.parseInt(first, 10);
    expect([first, ...(await readPlaces(consumer, (21 - from) * 2 + 1))]).toEqual(placesOf(from, 21));
    expect(consumer.losses).toEqual({ groups: from - 2, frames: (from - 2) * 2 });
  });

  it('piles up nothing in the client while the connection is down', async () => {
    const producer = near.media.produce(testBroadcast, testTrack, { fence: 1 });
    write(producer, 1, 1);
    await near.connection.flush();
    await cutOff(near);
    const { outBytes } = near.connection.stats();
    write(producer, 2, 100, 500_000);
    expect(near.connection.stats().outBytes).toBe(outBytes);
    await connectedAgain(near, far);
    const consumer = far.media.consume(testBroadcast, testTrack);
    expect(await readPlaces(consumer, 2)).toEqual(placesOf(100, 100));
  });

  it('waits in a bounded queue for a server that stands still, and loses whole groups', async () => {
    const producer = near.media.produce(testBroadcast, testTrack, { fence: 1 });
    write(producer, 1, 1);
    const consumer = far.media.consume(testBroadcast, testTrack);
    const local = near.media.consume(testBroadcast, testTrack);
    expect(await readPlaces(consumer, 2)).toEqual(placesOf(1, 1));
    await near.connection.flush();
    const { outBytes } = near.connection.stats();
    server.pause();
    write(producer, 2, 61, 500_000);
    expect(near.connection.stats().outBytes - outBytes).toBeLessThan(WINDOW_BYTES + 600_000);
    expect(await near.metric('millrace_nats_unconfirmed_bytes')).toBeLessThan(WINDOW_BYTES + 600_000);
    expect(local.queued.bytes).toBeGreaterThan(30_000_000);
    server.resume();
    write(producer, 62, 62, 500_000);
    const places: (string | undefined)[] = [];
    while (places.at(-1) !== '62.1') {
      places.push(...(await readPlaces(consumer, 1)));
    }
    const groups = [...new Set(places.map((place) => Number.parseInt(place ?? '', 10)))];
    // At most one group is cut, where it was on its way when the rest of it was dropped.
    expect(places.length).toBeGreaterThanOrEqual(groups.length * 2 - 1);
    expect(groups.length).toBeLessThan(40);
    expect(consumer.losses.groups).toBeGreaterThanOrEqual(61 - groups.length);
    expect(await near.metric('millrace_nats_groups_lost_total', 'queue')).toBeGreaterThan(20);
  });

  it('keeps readers for a track that begins while NATS is away, here and elsewhere', async () => {
    await cutOff(near, far);
    const local = near.media.consume(testBroadcast, testTrack);
    const consumer = far.media.consume(testBroadcast, testTrack);
    const producer = near.media.produce(testBroadcast, testTrack, { fence: 1 });
    write(producer, 1, 2);
    expect(await readPlaces(local, 4)).toEqual(placesOf(1, 2));
    expect(consumer.isBehind).toBe(true);
    await connectedAgain(near, far);
    const first = (await readPlaces(consumer, 1))[0];
    expect(first).toBe('2.0');
  });

  it('ends consumers within 5 s where the last frames cannot be had', async () => {
    const producer = near.media.produce(testBroadcast, testTrack, { fence: 1 });
    write(producer, 1, 1);
    const consumer = far.media.consume(testBroadcast, testTrack);
    expect(await readPlaces(consumer, 2)).toEqual(placesOf(1, 1));
    await cutOff(far);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      far.media.end(testBroadcast);
      const waiting = consumer.next();
      await vi.advanceTimersByTimeAsync(5_000);
      expect(await waiting).toBeUndefined();
    } finally {
      vi.useRealTimers();
    }
    await server.restart();
  });
});
