import { describe, expect, test } from 'vitest';

import type { Frame } from '#core/media/frame.ts';
import type { Grouping } from '#core/media/grouping.ts';
import { ticks } from '#core/media/time.ts';
import { trackName } from '#core/media/track.ts';
import { sourceFrame, videoTrack } from '../testing/sources.ts';
import { planReplay } from './replay.ts';

const SOURCE: Grouping = { mode: 'source' };
const GRID: Grouping = { mode: 'grid', firstGroup: 10, firstSecond: 10 };
const A = trackName('v720');
const B = trackName('v360');

/** 30 fps from second 10 on, a group each second; `keys` tells the seconds that begin with a key frame. */
function history(seconds: number, keys: (second: number) => boolean = () => true): Frame[] {
  return Array.from({ length: seconds * 30 }, (_, n) =>
    sourceFrame({ pts: 900_000 + n * 3000, group: 10 + Math.floor(n / 30), index: n % 30, key: n % 30 === 0 && keys(Math.floor(n / 30)) }),
  );
}

describe('a fresh start', () => {
  test('begins with the oldest group', () => {
    const frames = history(2);
    expect(planReplay(frames, SOURCE, [{ track: A }])).toEqual({ frames, starts: new Map([[A, { from: 900_000, first: 900_000 }]]) });
  });

  test('on the grid waits for a group to begin after the first key frame', () => {
    const frames = history(2, () => false).slice(15).map((frame, at) => ({ ...frame, key: at === 0 }));
    expect(planReplay(frames.slice(0, 15), GRID, [{ track: A }])).toBeUndefined();
    const replay = planReplay(frames, GRID, [{ track: A }]);
    expect(replay?.frames[0]?.pts).toBe(945_000);
    expect(replay?.starts.get(A)).toEqual({ from: 990_000, first: 990_000 });
  });

  test('with B-frames on the grid waits until none of lower pts can come', () => {
    const track = videoTrack({ bFrames: true });
    const pts = [900_000, 909_000, 903_000, 906_000, 918_000];
    const frames = pts.map((at, index) => sourceFrame({ pts: at + 600, group: 10, index, key: index === 0 }, track));
    expect(planReplay(frames.slice(0, 4), GRID, [{ track: A }])).toBeUndefined();
    expect(planReplay(frames, GRID, [{ track: A }])?.starts.get(A)).toEqual({ from: 900_000, first: 900_600 });
  });

  test('begins a planned change at its group', () => {
    const frames = history(3);
    const replay = planReplay(frames, SOURCE, [{ track: A, end: ticks(970_000) }, { track: B }], ticks(990_000));
    expect(replay?.frames[0]?.pts).toBe(990_000);
    expect([...(replay?.starts.values() ?? [])]).toEqual([{ from: 990_000, first: 990_000 }, { from: 990_000, first: 990_000 }]);
  });
});

describe('after a fault', () => {
  test('each rung goes on at its own first missing frame, from the key frame before it', () => {
    const replay = planReplay(history(3), SOURCE, [{ track: A, end: ticks(1_020_000) }, { track: B, end: ticks(1_011_000) }]);
    expect(replay?.frames[0]?.pts).toBe(990_000);
    expect(replay?.starts.get(A)).toEqual({ from: 1_019_900, first: 1_020_000 });
    expect(replay?.starts.get(B)).toEqual({ from: 1_010_900, first: 1_011_000 });
  });

  test('on the grid it goes back as far as the last key frame', () => {
    const replay = planReplay(history(3, (second) => second === 0), GRID, [{ track: A, end: ticks(1_140_000) }]);
    expect(replay?.frames[0]?.pts).toBe(900_000);
    expect(replay?.starts.get(A)).toEqual({ from: 1_139_900, first: 1_140_000 });
  });

  test('where everything was given out it waits for the next frame', () => {
    expect(planReplay(history(1), SOURCE, [{ track: A, end: ticks(990_000) }])).toBeUndefined();
  });

  test('what is more than 4 s old is given up, and a group begins', () => {
    const replay = planReplay(history(10), SOURCE, [{ track: A, end: ticks(1_000_000) }]);
    expect(replay?.starts.get(A)).toEqual({ from: 1_440_000, first: 1_440_000 });
  });

  test('a converted rung begins on the second where a picture from before fills its first slots', () => {
    const slot = ticks(3000);
    const frame = (pts: number, group: number, index: number, key = false): Frame => sourceFrame({ pts, group, index, key });
    // The key frame lies in the group before; the group's own first frame comes 50 ms after its second.
    const late = [frame(855_000, 9, 15, true), frame(890_000, 9, 16), frame(904_500, 10, 0), frame(907_500, 10, 1)];
    expect(planReplay(late, GRID, [{ track: A, slot }], ticks(900_000))?.starts.get(A)).toEqual({ from: 900_000, first: 900_000 });
    // Nothing is decoded before: the first slot is the first frame's own.
    const fresh = [frame(904_500, 10, 0, true), frame(907_500, 10, 1)];
    expect(planReplay(fresh, GRID, [{ track: A, slot }])?.starts.get(A)).toEqual({ from: 900_000, first: 903_000 });
  });

  test('a converted rung goes on in its next slot', () => {
    const cursor = { track: A, end: ticks(930_000), slot: ticks(3000) };
    expect(planReplay(history(2), GRID, [cursor])?.starts.get(A)).toEqual({ from: 929_900, first: 930_000 });
  });
});
