import { expect, test } from 'vitest';

import { VIDEO_TIMESCALE } from '#core/media/time.ts';

import { ExpectedLength, usualLength } from './expected-length.ts';
import { row, seconds } from './testing/rows.ts';

test('the usual length is the longest of the last eight', () => {
  expect(usualLength([])).toBeUndefined();
  const rows = [row(99, { seconds: 2 }), ...Array.from({ length: 8 }, (_, i) => row(100 + i, { seconds: 1 + i / 100 }))];
  expect(usualLength(rows)).toBe(seconds(1.07));
  expect(usualLength(rows.slice(0, 8))).toBe(seconds(2));
});

test('the first group is taken for one of two seconds, the next ones for as long as those before', () => {
  const expected = new ExpectedLength(VIDEO_TIMESCALE);
  expect(expected.after([], seconds(0))).toBe(seconds(2));
  expect(expected.after([row(100, { seconds: 2 })], seconds(2))).toBe(seconds(2));
});

test('asked again about the same group it says the same, also when that group is whole and no other has begun', () => {
  const expected = new ExpectedLength(VIDEO_TIMESCALE);
  const first = expected.after([row(100)], seconds(1));
  expect(expected.after([row(100)], seconds(1))).toBe(first);
  expect(expected.after([row(100), row(101)], undefined)).toBe(first);
});

test('where groups grow shorter the end of the list never goes back: Shaka would leave a segment out', () => {
  const expected = new ExpectedLength(VIDEO_TIMESCALE);
  const rows = Array.from({ length: 20 }, (_, i) => row(100 + i, { at: i < 3 ? 2 * i : 3 + i, seconds: i < 3 ? 2 : 1 }));
  let end = 0;
  const said = rows.map(({ pts }, i) => {
    const length = expected.after(rows.slice(0, i), pts);
    expect(pts + 2 * length).toBeGreaterThan(end);
    end = pts + 2 * length;
    return length;
  });
  expect(said.at(-1)).toBe(seconds(1));
});
