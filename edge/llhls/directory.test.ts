import { expect, test } from 'vitest';

import type { BroadcastInfo } from '#core/bus/catalog.ts';
import { broadcastId } from '#core/media/frame.ts';
import { later, millis, type WallTime } from '#core/media/time.ts';

import { Directory } from './directory.ts';
import { testBroadcast, TestWaiter } from './testing/broadcast.ts';
import { ORIGIN } from './testing/feed.ts';

const live: BroadcastInfo = { stream: 'demo', broadcast: testBroadcast, epoch: 0, state: 'live', startedAt: ORIGIN };

function directory() {
  const time: { now: WallTime } = { now: ORIGIN };
  const made = new Directory({ clock: () => time.now, listed: millis(30_000), maxBytesPerTrack: 1024, partHoldBack: 3, knownStreams: () => ['configured'] });
  return { made, time };
}

test('knows configured streams and those seen on the bus', () => {
  const { made } = directory();
  made.announce(live);
  expect([made.knows('configured'), made.knows('demo'), made.knows('other')]).toEqual([true, true, false]);
});

test('a broadcast that is over is no longer current, and is forgotten when its segments need not be there', () => {
  const { made, time } = directory();
  const window = made.announce(live);
  expect(made.current('demo')).toBe(window);
  made.announce({ ...live, state: 'ended' });
  expect(made.current('demo')).toBeUndefined();
  time.now = later(ORIGIN, millis(59_999));
  made.expire(time.now);
  expect(made.broadcast('demo', testBroadcast)).toBe(window);
  time.now = later(ORIGIN, millis(60_000));
  made.expire(time.now);
  expect(made.broadcast('demo', testBroadcast)).toBeUndefined();
  expect(made.knows('demo')).toBe(true);
});

test('the end of an older broadcast leaves the newer one current', () => {
  const { made } = directory();
  made.announce(live);
  const newer = made.announce({ ...live, broadcast: broadcastId('newerbroadcast') });
  made.announce({ ...live, state: 'ended' });
  expect(made.current('demo')).toBe(newer);
});

test('a broadcast that another one has taken the place of does not come back, whatever is said of it', () => {
  const { made } = directory();
  const current = made.announce({ ...live, fence: 7 });
  const overtaken: BroadcastInfo = { ...live, broadcast: broadcastId('overtaken'), startedAt: later(ORIGIN, millis(60_000)), fence: 6 };
  const other = made.announce(overtaken);
  expect(made.current('demo')).toBe(current);
  made.announce({ ...overtaken, state: 'ended', fence: 7 });
  expect(made.current('demo')).toBe(current);
  expect(made.broadcast('demo', overtaken.broadcast)).toBe(other);
});

test('a broadcast is found under its own stream only', () => {
  const { made } = directory();
  made.announce(live);
  expect(made.broadcast('configured', testBroadcast)).toBeUndefined();
});

test('for thirty seconds after the start an unknown broadcast may return, and who waits for it is told', () => {
  const { made, time } = directory();
  expect(made.mayReturn('demo')).toBe(true);
  const waiter = new TestWaiter();
  made.awaitArrival(waiter);
  made.announce(live);
  expect(waiter.outcomes).toEqual(['arrived']);
  expect(made.mayReturn('demo')).toBe(false);
  time.now = later(ORIGIN, millis(30_000));
  expect(made.mayReturn('configured')).toBe(false);
});
