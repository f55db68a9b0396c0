import { describe, expect, it } from 'vitest';
import { millis } from '#core/media/time.ts';
import { BackOff } from './back-off.ts';

describe('the back-off', () => {
  it('doubles up to its limit and begins anew after a success', () => {
    const backOff = new BackOff(millis(400), millis(3_000), () => 1);
    expect([backOff.next(), backOff.next(), backOff.next(), backOff.next(), backOff.next()]).toEqual([400, 800, 1_600, 3_000, 3_000]);
    backOff.reset();
    expect(backOff.next()).toBe(400);
  });

  it('spreads by a quarter', () => {
    expect(new BackOff(millis(400), millis(3_000), () => 0).next()).toBe(300);
  });
});
