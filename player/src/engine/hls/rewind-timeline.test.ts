import { describe, expect, it } from 'vitest';
import { wallTime } from '#core/media/time.ts';
import { dateOf, positionOf, windowOf } from './rewind-timeline.ts';

const noon = 1_800_000_000_000;

/** Three segments, twenty seconds without a publisher, two segments. */
const segments = [0, 2, 4, 26, 28].map((date, index) => ({ start: 100 + index * 2, duration: 2, programDateTime: noon + date * 1_000 }));

describe('the timeline of a rewind playlist', () => {
  it.each([
    ['the beginning', 0, 100],
    ['within a segment', 3.5, 103.5],
    ['the last frame before the publisher went', 5.999, 105.999],
    ['while nobody sent', 15, 106],
    ['after the return', 27, 107],
    ['before everything', -50, 100],
    ['after everything', 99, 110],
  ])('finds %s', (_what, date, position) => {
    expect(positionOf(segments, wallTime(noon + date * 1_000))).toBeCloseTo(position, 6);
  });

  it.each([
    [100, 0],
    [105.5, 5.5],
    [106, 26],
    [109, 29],
    [99, -1],
  ])('dates position %d', (position, date) => {
    expect(dateOf(segments, position)).toBeCloseTo(noon + date * 1_000, 3);
  });

  it('reaches from the first to the last frame', () => {
    expect(windowOf(segments)).toEqual({ from: noon, to: noon + 30_000 });
  });

  it('says nothing without segments or dates', () => {
    const undated = [{ start: 0, duration: 2, programDateTime: null }];
    expect([positionOf([], wallTime(noon)), dateOf([], 3), windowOf([])]).toEqual([undefined, undefined, undefined]);
    expect([positionOf(undated, wallTime(noon)), dateOf(undated, 1), windowOf(undated)]).toEqual([undefined, undefined, undefined]);
  });
});
