import { describe, expect, it } from 'vitest';

import { millis, wallTime } from '#core/media/time.ts';

import { WallEstimate } from './wall-estimate.ts';

const at = 1_763_798_400_000;

describe("the wall time's estimate", () => {
  it('begins at the fastest arrival seen', () => {
    const estimate = new WallEstimate();
    [80, 35, 60].forEach((delay, n) => estimate.observe(millis(n * 33), wallTime(at + n * 33 + delay)));
    expect(estimate.ofGroup(1, millis(0))).toBe(at + 35);
  });

  it('moves by at most a millisecond a second, at groups', () => {
    const estimate = new WallEstimate();
    estimate.observe(millis(0), wallTime(at + 100));
    expect(estimate.ofGroup(1, millis(0))).toBe(at + 100);
    estimate.observe(millis(500), wallTime(at + 500 + 20));
    expect(estimate.ofGroup(1, millis(0))).toBe(at + 100);
    expect(estimate.ofGroup(2, millis(2000)) - 2000).toBeCloseTo(at + 98, 6);
    expect(estimate.ofGroup(3, millis(4000)) - 4000).toBeCloseTo(at + 96, 6);
  });

  it('follows a clock that drifts, for hours', () => {
    const estimate = new WallEstimate();
    const drift = 1 + 100e-6;
    let worst = 0;
    for (let second = 0; second < 7200; second += 1) {
      estimate.observe(millis(second * 1000), wallTime(at + second * 1000 * drift + 30));
      worst = Math.max(worst, Math.abs(estimate.ofGroup(second, millis(second * 1000)) - (at + second * 1000 * drift + 30)));
    }
    expect(worst).toBeLessThan(8);
  });

  it('is not moved by media that comes late', () => {
    const estimate = new WallEstimate();
    for (let second = 0; second < 20; second += 1) {
      estimate.observe(millis(second * 1000), wallTime(at + second * 1000 + (second > 5 ? 3000 : 40)));
    }
    expect(estimate.ofGroup(1, millis(20_000)) - 20_000).toBe(at + 40);
  });

  it('gives a group the same line, whichever track asks first', () => {
    const estimate = new WallEstimate();
    estimate.observe(millis(0), wallTime(at + 50));
    estimate.ofGroup(1, millis(0));
    estimate.observe(millis(900), wallTime(at + 900 + 10));
    const video = estimate.ofGroup(2, millis(1000)) - 1000;
    expect(estimate.ofGroup(2, millis(1010.5)) - 1010.5).toBe(video);
  });

  it('goes with a timeline that is moved', () => {
    const estimate = new WallEstimate();
    estimate.observe(millis(0), wallTime(at));
    estimate.ofGroup(1, millis(0));
    estimate.moved(millis(250));
    expect(estimate.ofGroup(2, millis(1250))).toBe(at + 1000);
  });
});
