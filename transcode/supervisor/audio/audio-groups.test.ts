import { describe, expect, test } from 'vitest';

import type { Grouping } from '#core/media/grouping.ts';
import { ticks, timescale, VIDEO_TIMESCALE } from '#core/media/time.ts';
import { audioTrack, sourceFrame } from '../../testing/sources.ts';
import { AudioGroups } from './audio-groups.ts';

const RATE = timescale(48_000);
const SOURCE: Grouping = { mode: 'source' };

/** Source frames of 1,024 samples from 480,000 on; `changeAt` is the first of group 51. */
function fed(grouping: Grouping, frames: number, changeAt: number): AudioGroups {
  const groups = new AudioGroups(grouping, RATE);
  for (let n = 0; n < frames; n += 1) {
    const second = n >= changeAt;
    groups.addAudio(sourceFrame({ pts: 480_000 + n * 1024, group: second ? 51 : 50, index: second ? n - changeAt : n, duration: 1024 }, audioTrack()), RATE);
  }
  return groups;
}

/** The picture's group 51 begins at a sample of the sound's timescale. */
const head = (sample: number): { readonly epoch: number; readonly group: number; readonly pts: ReturnType<typeof ticks> } => ({ epoch: 0, group: 51, pts: ticks((sample * VIDEO_TIMESCALE) / RATE) });

describe('where the source\'s key frames decide', () => {
  test('sound between two frames of one group is of that group', () => {
    const groups = fed(SOURCE, 4, 3);
    expect([groups.groupAt(ticks(480_000)), groups.groupAt(ticks(480_960))]).toEqual([50, 50]);
  });

  test('inside the frame in which the group changes, the picture tells the sample', () => {
    const groups = fed(SOURCE, 5, 3);
    groups.addVideoHead(head(482_880));
    expect([482_879, 482_880, 483_071].map((pts) => groups.groupAt(ticks(pts)))).toEqual([50, 51, 51]);
  });

  test('the picture is waited for, but no longer than ingest waits', () => {
    expect(fed(SOURCE, 4, 3).groupAt(ticks(482_880))).toBeUndefined();
    expect(fed(SOURCE, 8, 3).groupAt(ticks(482_880))).toBeUndefined();
    expect(fed(SOURCE, 9, 3).groupAt(ticks(482_880))).toBe(50);
  });

  test('what lies beyond the newest frame is not known before the end', () => {
    const groups = fed(SOURCE, 4, 3);
    expect(groups.groupAt(ticks(483_500))).toBeUndefined();
    expect(groups.lastGroupAt(ticks(483_500))).toBe(51);
  });
});

test('on the grid the group follows from pts', () => {
  const groups = fed({ mode: 'grid', firstGroup: 700, firstSecond: 10 }, 1, 1);
  expect([480_000, 527_999, 528_000].map((pts) => groups.groupAt(ticks(pts)))).toEqual([700, 700, 701]);
});

test('wall time goes on from the head of the group, and of the one before where its own has not come', () => {
  const groups = fed(SOURCE, 5, 3);
  const [first] = [groups.wallTimeOf(50, ticks(480_000))];
  expect(first).toBeDefined();
  expect((groups.wallTimeOf(50, ticks(480_480)) ?? 0) - (first ?? 0)).toBeCloseTo(10, 6);
  expect(fed(SOURCE, 3, 3).wallTimeOf(51, ticks(483_072))).toBeCloseTo((first ?? 0) + 64, 6);
});
