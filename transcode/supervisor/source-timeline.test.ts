import { describe, expect, test } from 'vitest';

import type { Grouping } from '#core/media/grouping.ts';
import { ticks, VIDEO_TIMESCALE } from '#core/media/time.ts';
import { sourceFrame } from '../testing/sources.ts';
import { SourceTimeline } from './source-timeline.ts';

const SOURCE: Grouping = { mode: 'source' };
/** Second 10 of the broadcast is group 100. */
const GRID: Grouping = { mode: 'grid', firstGroup: 100, firstSecond: 10 };

/** Frames of 60 fps; `groups` tells at which of them a group begins. */
function timeline(grouping: Grouping, count: number, groups: readonly number[], first = 900_000): SourceTimeline {
  const made = new SourceTimeline(grouping);
  let begin = 0;
  for (let n = 0; n < count; n += 1) {
    begin = groups.findLast((at) => at <= n) ?? 0;
    made.add(sourceFrame({ pts: first + n * 1500, group: 100 + groups.indexOf(begin), index: n - begin, duration: 1500 }));
  }
  return made;
}

describe('groups of the source', () => {
  const made = timeline(SOURCE, 200, [0, 67, 134]);

  test('are found by pts', () => {
    expect([0, 66, 67, 133, 134, 199].map((n) => made.groupAt(ticks(900_000 + n * 1500)))).toEqual([100, 100, 101, 101, 102, 102]);
    expect(made.groupAt(ticks(899_999))).toBeUndefined();
  });

  test('begin where the source does', () => {
    expect(made.startOf(101)).toMatchObject({ group: 101, pts: 900_000 + 67 * 1500, key: true });
    expect(made.startOf(103)).toBeUndefined();
  });

  test('a group that was cut without a key frame asks for none', () => {
    const cut = new SourceTimeline(SOURCE);
    cut.add(sourceFrame({ pts: 0, group: 1, index: 0 }));
    cut.add(sourceFrame({ pts: 189_000, group: 2, index: 0, key: false }));
    expect(cut.startOf(2)).toMatchObject({ pts: 189_000, key: false });
  });
});

describe('groups on the grid', () => {
  test('begin at the lowest pts of their second, in whatever order the frames come', () => {
    const made = new SourceTimeline(GRID);
    made.add(sourceFrame({ pts: 10.5 * 90_000, group: 100, index: 0 }));
    made.add(sourceFrame({ pts: 11.1 * 90_000, group: 101, index: 0, key: false }));
    made.add(sourceFrame({ pts: 10.9 * 90_000, group: 101, index: 1 }));
    made.add(sourceFrame({ pts: 11.05 * 90_000, group: 101, index: 2 }));
    expect(made.startOf(100)).toMatchObject({ pts: 945_000, key: true });
    expect(made.startOf(101)).toMatchObject({ pts: 994_500, key: true, wallTime: 1_000_000 + 994_500 / 90 });
    expect(made.groupAt(ticks(10.9 * 90_000))).toBe(100);
  });

  test('of a rung made constant begin on the second, also where the source was silent', () => {
    const made = new SourceTimeline(GRID);
    made.add(sourceFrame({ pts: 930_500, group: 100, index: 0 }));
    made.add(sourceFrame({ pts: 13.4 * 90_000, group: 103, index: 0, key: false }));
    const slot = ticks(3000);
    expect([100, 101, 102, 103].map((group) => made.startOf(group, slot)?.pts)).toEqual([930_000, 990_000, 1_080_000, 1_170_000]);
    expect(made.startOf(102, slot)?.wallTime).toBeCloseTo(1_000_000 + 1_080_000 / 90);
  });
});

describe('durations', () => {
  test('of every frame are the source\'s', () => {
    expect(timeline(SOURCE, 10, [0]).durationAt(ticks(900_000), 1)).toBe(1500);
  });

  test('of every second frame end at the next one, or at a key frame between', () => {
    const made = timeline(SOURCE, 80, [0, 67]);
    expect(made.durationAt(ticks(900_000), 2)).toBe(3000);
    expect(made.durationAt(ticks(900_000 + 66 * 1500), 2)).toBe(1500);
  });

  test('on the grid the second counts instead of the key frame', () => {
    const made = timeline(GRID, 80, [0], 900_000 + 1500);
    expect(made.durationAt(ticks(900_000 + 59 * 1500), 2)).toBe(1500);
  });

  test('wait while the next frame is not known', () => {
    const made = timeline(SOURCE, 3, [0]);
    expect(made.durationAt(ticks(900_000 + 3000), 2)).toBeUndefined();
    expect(made.durationAt(ticks(900_000 + 1500), 1)).toBe(1500);
  });

  test('do not wait for ever behind a hole in the source', () => {
    const made = timeline(SOURCE, 3, [0]);
    made.add(sourceFrame({ pts: 900_000 + VIDEO_TIMESCALE, group: 100, index: 3, key: false, duration: 1500 }));
    expect(made.durationAt(ticks(900_000 + 3000), 2)).toBe(1500);
  });
});
