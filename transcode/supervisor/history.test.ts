import { expect, test } from 'vitest';

import { ticks } from '#core/media/time.ts';
import { sourceFrame } from '../testing/sources.ts';
import { History } from './history.ts';

const frame = (n: number, key = n % 10 === 0): ReturnType<typeof sourceFrame> => sourceFrame({ pts: n * 3000, group: Math.floor(n / 10), index: n % 10, key });

test('begins with a key frame', () => {
  const history = new History();
  expect(history.add(frame(5))).toBe(false);
  expect(history.add(frame(10))).toBe(true);
  expect(history.frames).toHaveLength(1);
});

test('drops whole GOPs where a bound is crossed', () => {
  const history = new History({ maxFrames: 25, maxBytes: 1_000_000 });
  for (let n = 0; n < 26; n += 1) {
    history.add(frame(n));
  }
  expect(history.frames[0]?.pts).toBe(30_000);
  expect(history.bytes).toBe(160);
});

test('one GOP beyond the bound leaves nothing, and the next key frame begins anew', () => {
  const history = new History({ maxFrames: 1000, maxBytes: 200 });
  for (let n = 0; n < 21; n += 1) {
    history.add(frame(n, n === 0));
  }
  expect(history.frames).toEqual([]);
  expect(history.bytes).toBe(0);
  expect(history.add(frame(21, true))).toBe(true);
});

test('forgets what lies before the last key frame that is needed', () => {
  const history = new History();
  for (let n = 0; n < 35; n += 1) {
    history.add(frame(n));
  }
  history.forgetBefore(ticks(25 * 3000));
  expect(history.frames[0]?.pts).toBe(60_000);
});
