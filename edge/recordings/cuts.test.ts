import { expect, test } from 'vitest';

import { Cuts } from './cuts.ts';

/** What is taken out before segments of `[from, until]`. */
function cuts(...segments: readonly (readonly [number, number])[]): number[] {
  const own = new Cuts();
  return segments.map(([from, until]) => {
    const removed = own.before(from);
    own.shown(until);
    return removed;
  });
}

test('the first segment begins at 0', () => {
  expect(cuts([100, 101], [101, 102])).toEqual([100, 100]);
});

test('what nobody sent is taken out', () => {
  expect(cuts([100, 101], [131, 132], [132, 133], [140, 141])).toEqual([100, 130, 130, 137]);
});

test('picture and sound lose the same', () => {
  expect(cuts([100, 101], [100.01, 101.03], [131, 132], [130.98, 132])).toEqual([100, 100, 100 + 131 - 101.03, 100 + 131 - 101.03]);
});

test('nothing is taken out while one of the two goes on', () => {
  expect(cuts([100, 101], [100, 104], [103, 104], [104, 105])).toEqual([100, 100, 100, 100]);
});

test('a frame more or less between two segments stays as it is', () => {
  expect(cuts([100, 101], [101.04, 102], [101.98, 103])).toEqual([100, 100, 100]);
});
