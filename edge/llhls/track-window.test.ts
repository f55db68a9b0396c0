import { expect, test } from 'vitest';

import { millis, wallTime } from '#core/media/time.ts';
import type { ConfigId } from '#core/media/track.ts';

import { CONFIG, Feed, ORIGIN, testWindow } from './testing/feed.ts';

const groups = (window: ReturnType<typeof testWindow>): number[] => window.listed.map(({ group }) => group);

test('lists at least 30 s and keeps as much again with two seconds more', () => {
  const window = testWindow();
  new Feed(window).groups(0, 99);
  expect(groups(window)).toEqual(Array.from({ length: 30 }, (_, i) => 70 + i));
  expect(window.segmentOf(37)).toBeDefined();
  expect(window.segmentOf(36)).toBeUndefined();
});

test('a part of an unlisted segment is kept as long as the segment', () => {
  const window = testWindow();
  new Feed(window).groups(0, 60);
  expect(window.segmentOf(10)?.parts[0]?.media?.bytes.toString()).toBe('10.0......');
});

test('the bound in bytes drops the oldest first, but never the last six seconds', () => {
  const window = testWindow({ maxBytes: 10_000 });
  const feed = new Feed(window);
  feed.groups(0, 19, { partBytes: 200 });
  expect(groups(window)[0]).toBe(10);
  expect(window.bytes).toBe(10_000);
  feed.groups(20, 29, { partBytes: 2000 });
  expect(groups(window)).toEqual([23, 24, 25, 26, 27, 28, 29]);
});

test('gives a whole segment out as the concatenation of its parts, kept once', () => {
  const window = testWindow();
  const feed = new Feed(window);
  feed.part(5);
  feed.part(5);
  expect(window.wholeOf(5)).toBeUndefined();
  feed.end();
  const whole = window.wholeOf(5);
  expect(whole?.bytes.toString()).toBe('5.0.......5.1.......');
  expect(window.wholeOf(5)).toBe(whole);
  expect(window.segmentOf(5)?.parts[1]?.media?.bytes.toString()).toBe('5.1.......');
  expect(window.segmentOf(5)?.parts[1]?.media?.bytes.buffer).toBe(whole?.bytes.buffer);
});

test('a group whose rest is lost keeps its parts and is never given out whole', () => {
  const window = testWindow();
  const feed = new Feed(window);
  feed.group(1);
  feed.part(2);
  window.gap(0, 2, 3);
  expect(window.listed.map(({ group, gap, parts }) => [group, gap, parts.length])).toEqual([[1, false, 5], [2, true, 1], [3, true, 5]]);
  expect(window.wholeOf(2)).toBeUndefined();
  expect(window.segmentOf(2)?.parts[0]?.media?.bytes.toString()).toBe('2.0.......');
  feed.part(2);
  feed.end();
  expect(window.segmentOf(2)?.parts).toHaveLength(1);
  expect(window.ignored).toBe(1);
});

test('lost groups take the times that another track knows', () => {
  const window = testWindow({ timesOf: (group) => (group === 2 ? { epoch: 0, wallTime: wallTime(ORIGIN + 2040), duration: millis(1040) } : undefined) });
  const feed = new Feed(window);
  feed.group(1);
  window.gap(0, 2, 3);
  expect(window.listed.map(({ wallTime: at, duration }) => [at - ORIGIN, duration])).toEqual([[1000, 1000], [2040, 1040], [3080, 1000]]);
});

test('an epoch that begins above last + 1 starts the playlist anew; what was listed is kept', () => {
  const window = testWindow();
  const feed = new Feed(window);
  feed.groups(1, 5);
  feed.groups(900, 901, { epoch: 1 });
  expect(groups(window)).toEqual([899, 900, 901]);
  expect(window.first).toMatchObject({ gap: true, epoch: 0, duration: 2000, wallTime: ORIGIN + 840_000 });
  expect(window.wholeOf(5)).toBeDefined();
  expect(window.wholeOf(899)).toBeUndefined();
});

test('a playlist that begins with an epoch after another begins with the gap between them', () => {
  const before = testWindow();
  before.beginsEpoch();
  new Feed(before).groups(7, 8, { epoch: 2 });
  const after = testWindow();
  new Feed(after).groups(7, 8, { epoch: 2 });
  after.beginsEpoch();
  for (const window of [before, after]) {
    expect(window.listed.map(({ group, epoch, gap }) => [group, epoch, gap])).toEqual([[6, 1, true], [7, 2, false], [8, 2, false]]);
    const [gap, first] = window.listed;
    expect((gap?.start ?? 0) + (gap?.duration ?? 0)).toBe(first?.start);
  }
});

test('the first epoch has no gap before it, nor has a playlist that begins in the middle of an epoch', () => {
  const window = testWindow();
  window.beginsEpoch();
  new Feed(window).group(7);
  expect(groups(window)).toEqual([7]);
  const middle = testWindow();
  new Feed(middle).group(7, { epoch: 2 });
  expect(groups(middle)).toEqual([7]);
});

test('an epoch that begins at last + 1 for another track is joined by gaps', () => {
  const window = testWindow({ timesOf: (group) => (group <= 7 ? { epoch: 0, wallTime: wallTime(ORIGIN + group * 1000), duration: millis(1000) } : undefined) });
  const feed = new Feed(window);
  feed.groups(1, 5);
  feed.group(8, { epoch: 1 });
  expect(window.listed.map(({ group, epoch, gap }) => [group, epoch, gap]).slice(-3)).toEqual([[6, 0, true], [7, 0, true], [8, 1, false]]);
});

test('a part of an older epoch, of a group given up, or out of place is ignored', () => {
  const window = testWindow();
  const feed = new Feed(window);
  feed.groups(1, 2, { epoch: 4 });
  feed.part(3, { epoch: 3 });
  expect(groups(window)).toEqual([1, 2]);
  window.giveUp(3, 4);
  feed.part(3, { epoch: 4 });
  feed.part(1, { epoch: 4 });
  expect(window.ignored).toBe(3);
});

test('a hundred lost groups start the playlist anew', () => {
  const window = testWindow();
  const feed = new Feed(window);
  feed.group(1);
  window.gap(0, 2, 200);
  expect(groups(window)[0]).toBeGreaterThan(100);
  expect(window.last?.group).toBe(200);
});

test('forgets init segments that no kept segment needs', () => {
  const window = testWindow();
  const feed = new Feed(window);
  const other = '00000000000000c2' as ConfigId;
  feed.init(CONFIG);
  feed.groups(0, 3);
  feed.init(other);
  feed.groups(4, 80, { config: other });
  expect(window.initPayload(CONFIG)).toBeUndefined();
  expect(window.initPayload(other)?.bytes.toString()).toBe(`init ${other}`);
});

test('the end gives an open segment up and takes nothing more', () => {
  const window = testWindow();
  const feed = new Feed(window);
  feed.group(1);
  feed.part(2);
  window.end();
  feed.part(2);
  expect(window.ended).toBe(true);
  expect(window.last).toMatchObject({ group: 2, gap: true, complete: true });
});
