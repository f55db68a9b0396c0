import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { millis, ticks, wallTime } from '../media/time.ts';
import { MillraceError } from '../runtime/errors.ts';
import type { Bus, TrackConsumer, TrackProducer } from './bus.ts';
import type { BroadcastInfo, TranscodeHealth } from './catalog.ts';
import type { NodeInfo } from './node.ts';
import { placeOf, testBroadcast, testFrame, testTrack } from './testing/frames.ts';

/** The two ends of a link: what is written at `near` is read at `far`. In process both are one. */
export type LinkPair = { readonly near: Bus; readonly far: Bus; close(): Promise<void> };

const live: BroadcastInfo = { stream: 'cam', broadcast: testBroadcast, epoch: 0, state: 'live', startedAt: wallTime(1_000_000) };
const health: TranscodeHealth = { speed: 1, lag: millis(0), restarts: 0, warnings: [] };

/**
 * The tests that every link of the bus passes. They await what they expect and order nothing by time, so a link may
 * deliver in the same turn or over a network.
 */
export function describeLink(name: string, open: () => Promise<LinkPair>): void {
  describe(`the ${name} link`, () => {
    let link: LinkPair;
    let producer: TrackProducer;

    beforeEach(async () => {
      link = await open();
      link.near.announce(live);
      producer = link.near.produce(testBroadcast, testTrack, { fence: 1 });
    });

    afterEach(() => link.close());

    const writeGroups = (from: number, to: number): void => {
      for (let group = from; group <= to; group += 1) {
        producer.write(testFrame(group, 0));
        producer.write(testFrame(group, 1));
      }
    };
    const read = async (consumer: TrackConsumer, count: number): Promise<(string | undefined)[]> => {
      const places: (string | undefined)[] = [];
      for (let i = 0; i < count; i += 1) {
        places.push(placeOf(await consumer.next()));
      }
      return places;
    };
    /** Over a network a subscription takes a while: once it has brought the newest group, here 0, nothing that is written later passes it by. */
    const begun = async (consumer: TrackConsumer): Promise<TrackConsumer> => {
      producer.write(testFrame(0, 0));
      expect(placeOf(await consumer.next())).toBe('0.0');
      return consumer;
    };

    /** Writes so many frames by `write`, after 0.0, and waits until they have come through; who subscribes then is late. */
    const passed = async (count: number, write: () => void): Promise<void> => {
      const earlier = await begun(link.far.consume(testBroadcast, testTrack));
      write();
      await read(earlier, count);
      earlier.close();
    };

    it('passes frames on whole and in order', async () => {
      const consumer = link.far.consume(testBroadcast, testTrack);
      const frame = testFrame(1, 0);
      producer.write(frame);
      producer.write(testFrame(1, 1));
      expect(await consumer.next()).toEqual(frame);
      expect(placeOf(await consumer.next())).toBe('1.1');
    });

    it('passes on the messages that frames carry', async () => {
      const consumer = link.far.consume(testBroadcast, testTrack);
      const event = { id: '0123456789abcdef0123456789abcdef', type: 'poll', pts: ticks(90_000), data: '{"text":"¿Qué?"}' };
      const frames = [testFrame(1, 0, { events: [event] }), testFrame(1, 1, { events: [event, { ...event, id: 'f'.repeat(32) }] })];
      frames.forEach((frame) => producer.write(frame));
      expect([await consumer.next(), await consumer.next()]).toEqual(frames);
    });

    it('hands a late subscriber the newest group from its first frame', async () => {
      await passed(7, () => {
        writeGroups(1, 3);
        producer.write(testFrame(4, 0));
      });
      const consumer = link.far.consume(testBroadcast, testTrack);
      producer.write(testFrame(4, 1));
      expect(await read(consumer, 2)).toEqual(['4.0', '4.1']);
    });

    it('hands a subscriber with a backlog every group of that time', async () => {
      await passed(18, () => writeGroups(1, 9));
      const consumer = link.far.consume(testBroadcast, testTrack, { backlog: millis(3000) });
      expect(await read(consumer, 8)).toEqual(['6.0', '6.1', '7.0', '7.1', '8.0', '8.1', '9.0', '9.1']);
      producer.write(testFrame(10, 0));
      expect(await read(consumer, 1)).toEqual(['10.0']);
    });

    it('begins at the next group for a subscriber without a backlog', async () => {
      await passed(1, () => producer.write(testFrame(1, 0)));
      const consumer = link.far.consume(testBroadcast, testTrack, { backlog: 'none' });
      expect(await read(link.far.consume(testBroadcast, testTrack), 1)).toEqual(['1.0']);
      producer.write(testFrame(1, 1));
      producer.write(testFrame(2, 0));
      expect(await read(consumer, 1)).toEqual(['2.0']);
    });

    it('loses whole groups, oldest first, and counts them when a consumer is slow', async () => {
      const consumer = link.far.consume(testBroadcast, testTrack, { maxFrames: 5 });
      const quick = await begun(link.far.consume(testBroadcast, testTrack));
      writeGroups(1, 4);
      await read(quick, 8);
      const places = [];
      for (let place; place !== '4.1'; ) {
        place = placeOf(await consumer.next());
        places.push(place);
      }
      expect(places).toEqual(['3.0', '3.1', '4.0', '4.1']);
      expect(consumer.losses).toEqual({ groups: 3, frames: 5 });
    });

    it('loses by bytes as well', async () => {
      const consumer = link.far.consume(testBroadcast, testTrack, { maxBytes: 250 });
      const quick = await begun(link.far.consume(testBroadcast, testTrack));
      producer.write(testFrame(1, 0, { bytes: 100 }));
      producer.write(testFrame(1, 1, { bytes: 100 }));
      producer.write(testFrame(2, 0, { bytes: 100 }));
      await read(quick, 3);
      expect(await read(consumer, 1)).toEqual(['2.0']);
      expect(consumer.losses).toEqual({ groups: 2, frames: 3 });
    });

    it('does not disturb a quick consumer by a slow one', async () => {
      const slow = link.far.consume(testBroadcast, testTrack, { maxFrames: 2 });
      const quick = await begun(link.far.consume(testBroadcast, testTrack));
      writeGroups(1, 5);
      expect(await read(quick, 10)).toHaveLength(10);
      expect(quick.losses.groups).toBe(0);
      expect(await read(slow, 2)).toEqual(['5.0', '5.1']);
    });

    it('drops doubles', async () => {
      const consumer = await begun(link.far.consume(testBroadcast, testTrack));
      expect(producer.write(testFrame(1, 0))).toBe(true);
      expect(producer.write(testFrame(1, 0))).toBe(false);
      producer.write(testFrame(1, 1));
      expect(producer.write(testFrame(1, 0))).toBe(false);
      producer.write(testFrame(2, 0));
      expect(await read(consumer, 3)).toEqual(['1.0', '1.1', '2.0']);
    });

    it('takes a lower place under a higher epoch for new', async () => {
      const consumer = await begun(link.far.consume(testBroadcast, testTrack));
      producer.write(testFrame(5, 0));
      producer.write(testFrame(6, 0, { epoch: 1 }));
      expect(placeOf(await consumer.next())).toBe('5.0');
      expect((await consumer.next())?.epoch).toBe(1);
    });

    it('rejects the frames of a lower fence', async () => {
      const consumer = await begun(link.far.consume(testBroadcast, testTrack));
      producer.write(testFrame(1, 0));
      const successor = link.near.produce(testBroadcast, testTrack, { fence: 2 });
      successor.write(testFrame(1, 1, { fence: 2 }));
      expect(() => producer.write(testFrame(2, 0))).toThrow(expect.objectContaining({ code: 'bus/fenced' }));
      successor.write(testFrame(3, 0, { fence: 2 }));
      expect(await read(consumer, 3)).toEqual(['1.0', '1.1', '3.0']);
    });

    it('gives out leases whose fences rise, and tells the earlier holder', async () => {
      const first = await link.near.lease('transcode/x');
      const second = await link.far.lease('transcode/x');
      await first.lost;
      expect(second.fence).toBeGreaterThan(first.fence);
    });

    it('tells late listeners of the newest catalog and of every later one', async () => {
      link.near.putCatalog(testBroadcast, 'transcode', health);
      const seen: number[] = [];
      await new Promise<void>((resolve) => {
        link.far.onCatalog(testBroadcast, 'transcode', ({ restarts }) => {
          seen.push(restarts);
          if (restarts === 0) {
            link.near.putCatalog(testBroadcast, 'transcode', { ...health, restarts: 1 });
          } else {
            resolve();
          }
        });
      });
      expect(seen).toEqual([0, 1]);
    });

    it('tells late listeners of the broadcasts there are, and of changes', async () => {
      const seen: string[] = [];
      await new Promise<void>((resolve) => {
        link.far.onBroadcast(({ state }) => {
          seen.push(state);
          if (state === 'live') {
            link.near.announce({ ...live, state: 'ended' });
          } else {
            resolve();
          }
        });
      });
      expect(seen).toEqual(['live', 'ended']);
    });

    it('ends consumers after the last frame when the broadcast ends', async () => {
      const consumer = link.far.consume(testBroadcast, testTrack);
      writeGroups(1, 1);
      link.near.announce({ ...live, state: 'ended' });
      expect(await read(consumer, 3)).toEqual(['1.0', '1.1', undefined]);
      await consumer.closed;
    });

    it('wakes a waiting consumer when it is closed', async () => {
      const consumer = link.far.consume(testBroadcast, testTrack);
      const waiting = consumer.next();
      consumer.close();
      consumer.close();
      expect(await waiting).toBeUndefined();
      await consumer.closed;
    });

    it('serves a subscription that came before the broadcast', async () => {
      const consumer = link.far.consume(testBroadcast, testTrack, { backlog: millis(6000) });
      const waiting = consumer.next();
      producer.write(testFrame(1, 0));
      expect(placeOf(await waiting)).toBe('1.0');
    });

    it('passes requests on to who serves the subject, either way, with what is answered or thrown', async () => {
      for (const [serving, asking] of [[link.near, link.far], [link.far, link.near]] as const) {
        expect(await outcome(asking, 'sums', [1, 2])).toBe('bus/unserved');
        const stop = serving.serve('sums', (payload) => {
          const [a = 0, b = 0] = payload as readonly number[];
          if (b < 0) {
            throw new MillraceError('sums/negative', 'below nothing');
          }
          return { sum: a + b };
        });
        await becomes(asking, { sum: 3 });
        await expect(asking.request('sums', [1, -2])).rejects.toMatchObject({ code: 'sums/negative', message: 'below nothing' });
        stop();
        await becomes(asking, 'bus/unserved');
      }
    });

    it('does not wait for an answer for ever', async () => {
      link.near.serve('sums', (payload) => ((payload as readonly number[])[0] === 1 ? { sum: 3 } : new Promise(() => undefined)));
      await becomes(link.far, { sum: 3 });
      await expect(link.far.request('sums', [2], { timeout: millis(20) })).rejects.toMatchObject({ code: 'bus/timeout' });
    });

    it('gives a lease that somebody holds to nobody who only asks for it, and gives it when it is free', async () => {
      const first = await link.near.tryLease('transcode/y');
      expect(first).toBeDefined();
      expect(await link.far.tryLease('transcode/y')).toBeUndefined();
      first?.release();
      await vi.waitFor(async () => expect((await link.far.tryLease('transcode/y'))?.fence).toBeGreaterThan(first?.fence ?? Infinity), { interval: 5 });
    });

    it('keeps small values for all, and refuses those of a lower fence', async () => {
      const { shared } = link.near;
      await shared.put('ledger/cam', { floor: 3 }, { fence: 5 });
      await vi.waitFor(async () => expect(await link.far.shared.get('ledger/cam')).toEqual({ floor: 3 }), { interval: 5 });
      await expect(link.far.shared.put('ledger/cam', { floor: 1 }, { fence: 4 })).rejects.toThrow(expect.objectContaining({ code: 'bus/fenced' }));
      await link.far.shared.put('ledger/cam', { floor: 4 }, { fence: 5 });
      await link.far.shared.delete('ledger/cam', { fence: 6 });
      await expect(shared.put('ledger/cam', { floor: 5 }, { fence: 5 })).rejects.toThrow(expect.objectContaining({ code: 'bus/fenced' }));
      await vi.waitFor(async () => expect(await shared.get('ledger/cam')).toBeUndefined(), { interval: 5 });
    });

    it('tells late watchers of the small values there are, and of changes', async () => {
      await link.near.shared.put('a/1', 'one');
      await link.near.shared.put('b/1', 'other');
      const seen: unknown[] = [];
      const stop = link.far.shared.watch('a/', (key, value) => seen.push([key, value]));
      await vi.waitFor(() => expect(seen).toEqual([['a/1', 'one']]), { interval: 5 });
      await link.near.shared.put('a/2', 'two');
      await link.near.shared.delete('a/1');
      await vi.waitFor(() => expect(seen).toEqual([['a/1', 'one'], ['a/2', 'two'], ['a/1', undefined]]), { interval: 5 });
      stop();
    });

    it('tells of the processes there are', async () => {
      const node: NodeInfo = { node: 'edge-1', roles: ['edge'], version: '1', startedAt: wallTime(1_000_000), draining: false };
      const seen: (NodeInfo | undefined)[] = [];
      link.near.present(node);
      link.far.onNode((id, info) => (id === 'edge-1' ? seen.push(info) : undefined));
      await vi.waitFor(() => expect(seen).toEqual([node]), { interval: 5 });
      link.near.present({ ...node, draining: true });
      await vi.waitFor(() => expect(seen.at(-1)).toEqual({ ...node, draining: true }), { interval: 5 });
    });

    it('ignores what is announced under a lower fence', async () => {
      const seen: string[] = [];
      link.near.announce({ ...live, epoch: 1, fence: 9 });
      link.near.announce({ ...live, state: 'ended', fence: 8 });
      link.near.announce({ ...live, epoch: 2, fence: 9 });
      await new Promise<void>((resolve) => {
        link.far.onBroadcast(({ state, epoch }) => {
          seen.push(state);
          if (epoch === 2) {
            resolve();
          }
        });
      });
      expect(seen).not.toContain('ended');
    });

    it('ends everything when it is closed', async () => {
      const consumer = link.far.consume(testBroadcast, testTrack);
      const lease = await link.near.lease('ingest/cam');
      const waiting = consumer.next();
      await link.close();
      expect(await waiting).toBeUndefined();
      await lease.lost;
    });
  });
}

/** What a request brings: the answer, or the code of the error. */
function outcome(bus: Bus, subject: string, payload: unknown): Promise<unknown> {
  return bus.request(subject, payload).catch((error: unknown) => (error as MillraceError).code);
}

/** A link may take a while to make known who serves. */
async function becomes(bus: Bus, expected: unknown): Promise<void> {
  await vi.waitFor(async () => expect(await outcome(bus, 'sums', [1, 2])).toEqual(expected), { interval: 5 });
}
