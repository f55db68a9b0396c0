import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';

import type { BroadcastInfo } from '#core/bus/catalog.ts';
import { broadcastId } from '#core/media/frame.ts';
import { millis, wallTime } from '#core/media/time.ts';
import { trackName } from '#core/media/track.ts';

import { MemoryDisk } from './archive/testing/memory-disk.ts';
import { ShelfHarness } from './archive/testing/shelf-harness.ts';
import { followBus, type BusFollower } from './from-bus.ts';
import { until } from './http/testing/edge.ts';
import { TestStream } from './http/testing/stream.ts';
import { Directory } from './llhls/directory.ts';

const id = broadcastId('testbroadcast');
const video = trackName('video');

let disk: MemoryDisk;
let harness: ShelfHarness;
let directory: Directory;
let follower: BusFollower;

beforeEach(async () => {
  disk = new MemoryDisk();
  harness = await ShelfHarness.open({ disk });
  directory = new Directory({ clock: () => wallTime(0), listed: millis(30_000), maxBytesPerTrack: 1e8, partHoldBack: 3, knownStreams: () => [] });
});
afterEach(async () => {
  await follower.close();
  await harness.remove();
});

function follow(): void {
  const observer = { partAvailable: () => undefined, groupsLost: () => undefined };
  follower = followBus({ bus: harness.bus, directory, archive: harness.shelf, observer, log: pino({ level: 'silent' }), clock: () => wallTime(0) });
}

const window = () => directory.broadcast('demo', id)?.renditions.get(video)?.window;
const kept = (): number[] | undefined => harness.shelf.open(id)?.tracks.get(video)?.segments.map(({ group }) => group);

test('segments that live viewers get are kept, each when it is whole, and the end of the broadcast finishes the recording', async () => {
  follow();
  const stream = new TestStream(harness.bus);
  stream.parts(12);
  await until(() => kept()?.length === 2);
  const whole = window()?.wholeOf(100);
  const track = harness.shelf.open(id)!.tracks.get(video)!;
  expect(await track.read(track.segments[0]!)).toEqual(Buffer.from(whole!.bytes));
  stream.end();
  await until(() => harness.shelf.recordings()[0]?.state === 'finished');
  expect(kept()).toEqual([100, 101, 102]);
});

test('a stop leaves the recording open, without the segment that was growing', async () => {
  follow();
  new TestStream(harness.bus).parts(12);
  await until(() => kept()?.length === 2);
  await follower.close();
  await harness.settle();
  expect(harness.shelf.recordings()).toMatchObject([{ state: 'open' }]);
  expect(kept()).toEqual([100, 101]);
});

test('a disk that hangs delays nothing: every part is live in the turn in which its frame came', async () => {
  const gate = Promise.withResolvers<void>();
  disk.before = () => gate.promise;
  follow();
  const stream = new TestStream(harness.bus, { frameBytes: 100_000 });
  await until(() => window() !== undefined);
  for (let part = 1; part <= 200; part++) {
    stream.parts(1);
    await new Promise((resolve) => setImmediate(resolve));
    // A part goes out when the first frame of the next one is there, and each fifth when its group is over.
    const { last } = window()!;
    expect((last?.group ?? 0) * 5 + (last?.parts.length ?? 0)).toBeGreaterThanOrEqual(100 * 5 + part - 1);
  }
  expect(kept()?.length).toBeGreaterThan(10);
  gate.resolve();
});

test('a broadcast that was over when it was first heard of is not begun', async () => {
  const told: BroadcastInfo[] = [];
  new TestStream(harness.bus).end();
  harness.shelf.keep = (info) => {
    told.push(info);
    throw new Error('kept');
  };
  follow();
  await new Promise((resolve) => setImmediate(resolve));
  expect(told).toEqual([]);
});
