import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';

import { createLocalBus } from '#core/bus/local/local-bus.ts';
import type { Bus } from '#core/bus/bus.ts';
import { broadcastId } from '#core/media/frame.ts';
import { millis, wallTime } from '#core/media/time.ts';
import { trackName } from '#core/media/track.ts';

import { followBus, type BusFollower } from './from-bus.ts';
import { TestStream } from './http/testing/stream.ts';
import { until } from './http/testing/edge.ts';
import { Directory } from './llhls/directory.ts';
import type { TrackWindow } from './llhls/track-window.ts';

const clock = () => wallTime(Date.UTC(2026, 0, 1) + 5000);

let bus: Bus;
let directory: Directory;
let follower: BusFollower;
let delays: number[];
let lost: number;

beforeEach(() => {
  bus = createLocalBus();
  directory = new Directory({ clock, listed: millis(30_000), maxBytesPerTrack: 1024 * 1024, partHoldBack: 3, knownStreams: () => [] });
  delays = [];
  lost = 0;
});

afterEach(async () => {
  await follower.close();
  await bus.close();
});

function follow(): void {
  const observer = { partAvailable: (delay: number) => void delays.push(delay), groupsLost: (groups: number) => void (lost += groups) };
  follower = followBus({ bus, directory, observer, log: pino({ level: 'silent' }), clock });
}

const window = (): TrackWindow | undefined => directory.broadcast('demo', broadcastId('testbroadcast'))?.renditions.get(trackName('video'))?.window;
const listed = (): unknown => window()?.listed.map(({ group, gap, parts }) => [group, gap, parts.length]);

test('an edge that starts late begins with the backlog of six seconds', async () => {
  const stream = new TestStream(bus);
  stream.parts(5 * 9 + 2);
  follow();
  await until(() => window()?.last?.group === 109 && window()?.last?.parts.length === 2);
  expect(window()?.first?.group).toBe(103);
  expect(delays).toEqual([]);
});

test('parts of the backlog are not measured, live ones are', async () => {
  const stream = new TestStream(bus);
  stream.parts(6);
  follow();
  await until(() => window()?.last?.parts.length === 1);
  stream.parts(1);
  await until(() => delays.length === 1);
  // The part's last frame left the camera 1.3667 s after the start; the clock stands at 5 s.
  expect(delays[0]).toBeCloseTo(5000 - 1366.66, 0);
});

test('the end of the broadcast ends the window once everything is read', async () => {
  follow();
  const stream = new TestStream(bus);
  stream.parts(6);
  stream.frames(2);
  stream.end();
  await until(() => window()?.ended === true);
  expect(listed()).toEqual([[100, false, 5], [101, false, 2]]);
});

test('a stop ends nothing: the open segment stays open, without ENDLIST', async () => {
  follow();
  new TestStream(bus).parts(7);
  await until(() => window()?.last?.parts.length === 2);
  await follower.close();
  expect(window()?.ended).toBe(false);
  expect(window()?.last?.complete).toBe(false);
});

test('groups that the queue lost are gaps and are counted', async () => {
  const { consume } = bus;
  bus.consume = (broadcast, track, options) => consume.call(bus, broadcast, track, { ...options, maxFrames: 40 });
  follow();
  const stream = new TestStream(bus);
  stream.parts(7);
  await until(() => window()?.last?.parts.length === 2);
  // 70 frames more in one turn: the queue of 40 cannot hold them.
  stream.frames(70);
  await until(() => window()?.last?.group === 103);
  expect(lost).toBeGreaterThan(0);
  expect(window()?.listed.filter(({ gap }) => gap).map(({ group }) => group)).toContain(101);
  expect(window()?.wholeOf(100)).toBeDefined();
});
