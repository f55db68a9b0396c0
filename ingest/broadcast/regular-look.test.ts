import { afterEach, beforeEach, expect, it, vi } from 'vitest';

import { millis } from '#core/media/time.ts';

import { RegularLook } from './regular-look.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

it('looks every so often while it is on, and leaves out the look after the process was held up', () => {
  let now = 0;
  let looks = 0;
  const pass = (real: number, timers = real): void => {
    now += real - timers;
    for (let left = timers; left > 0; left -= 250) {
      now += 250;
      vi.advanceTimersByTime(250);
    }
  };
  const regular = new RegularLook(() => (looks += 1), millis(250), () => millis(now));
  regular.start();
  regular.start();
  pass(1000);
  expect(looks).toBe(4);
  pass(5250, 250);
  expect(looks).toBe(4);
  pass(500);
  expect(looks).toBe(6);
  regular.stop();
  regular.stop();
  pass(1000);
  expect([looks, regular.isOn]).toEqual([6, false]);
});
