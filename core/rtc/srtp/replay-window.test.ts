import { expect, test } from 'vitest';

import { REPLAY_WINDOW, ReplayWindow } from './replay-window.ts';

test('accepts each packet once, in any order within the window', () => {
  const window = new ReplayWindow();
  for (const index of [5, 3, 4, 100, 7, 130]) {
    expect(window.accepts(index)).toBe(true);
    window.record(index);
    expect(window.accepts(index)).toBe(false);
  }
  expect(window.highest).toBe(130);
  expect(window.accepts(6)).toBe(true);
});

test('refuses what is older than the window', () => {
  const window = new ReplayWindow();
  window.record(1000);
  expect(window.accepts(1000 - REPLAY_WINDOW + 1)).toBe(true);
  expect(window.accepts(1000 - REPLAY_WINDOW)).toBe(false);
});

test('forgets what the ring held before, however far it slides', () => {
  for (const jump of [1, 31, 32, 33, 127, 128, 255, 256, 257, 100_000]) {
    const window = new ReplayWindow();
    for (let index = 0; index < 300; index += 1) {
      window.record(index);
    }
    window.record(299 + jump);
    for (let index = 300 + jump - REPLAY_WINDOW; index < 299 + jump; index += 1) {
      expect(window.accepts(index), `${index} after a jump of ${jump}`).toBe(index > 299);
    }
  }
});

test('agrees with a set that remembers everything', () => {
  const window = new ReplayWindow();
  const seen = new Set<number>();
  let highest = -1;
  let random = 1;
  for (let i = 0; i < 20_000; i += 1) {
    random = (random * 1_103_515_245 + 12_345) % 2 ** 31;
    const index = Math.max(0, 2 ** 32 + i + (random % 300) - 150);
    const expected = index > highest || (highest - index < REPLAY_WINDOW && !seen.has(index));
    expect(window.accepts(index)).toBe(expected);
    if (expected) {
      window.record(index);
      seen.add(index);
      highest = Math.max(highest, index);
    }
  }
});
