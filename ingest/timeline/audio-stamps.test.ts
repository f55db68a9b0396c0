import { describe, expect, it } from 'vitest';

import { millis, ticks, timescale } from '#core/media/time.ts';

import { AudioStamps } from './audio-stamps.ts';

function stampAll(sampleRate: number, times: readonly number[], floor = 0) {
  const stamps = new AudioStamps(timescale(sampleRate), 1024, ticks(floor));
  return { stamps, given: times.map((at) => stamps.stamp(millis(at))) };
}

function frames(sampleRate: number, count: number, change: (n: number) => number = () => 0): number[] {
  return Array.from({ length: count }, (_, n) => Math.round((n * 1024 * 1000) / sampleRate + change(n)));
}

function steps(given: readonly (number | undefined)[]): number[] {
  const kept = given.filter((at) => at !== undefined);
  return kept.slice(1).map((at, n) => at - (kept[n] ?? 0));
}

describe("audio frames' times", () => {
  it.each([48_000, 44_100, 32_000, 22_050, 8_000])('follow each other to the sample at %s Hz, whatever the rounding', (sampleRate) => {
    const { given } = stampAll(sampleRate, frames(sampleRate, 5000));
    expect(new Set(steps(given))).toEqual(new Set([1024]));
  });

  it('do not care when an encoder stamps sound as it gets to it', () => {
    const { given } = stampAll(48_000, frames(48_000, 3000, (n) => [0, 18, -12, 9, -16, 4][n % 6] ?? 0));
    expect(new Set(steps(given))).toEqual(new Set([1024]));
  });

  it('keep a hole', () => {
    const { given } = stampAll(48_000, frames(48_000, 200, (n) => (n >= 100 ? 500 : 0)));
    const holes = steps(given).filter((step) => step !== 1024);
    expect(holes).toHaveLength(1);
    expect(holes[0]).toBeCloseTo(1024 + 24_000, -2);
  });

  it('find back after single frames were lost', () => {
    const lost = frames(48_000, 400).filter((_, n) => n !== 100);
    const { given } = stampAll(48_000, lost);
    expect(Math.abs((given.at(-1) ?? 0) - 399 * 1024)).toBeLessThan(200);
  });

  it.each([
    ['slow', 1 + 200e-6],
    ['fast', 1 - 200e-6],
  ])('follow a sound card that is too %s, and never overlap', (_name, drift) => {
    const count = 60_000;
    const times = Array.from({ length: count }, (_, n) => Math.round(((n * 1024 * 1000) / 48_000) * drift));
    const { given } = stampAll(48_000, times);
    expect(Math.min(...steps(given))).toBeGreaterThanOrEqual(1024);
    const last = given.findLast((at) => at !== undefined) ?? 0;
    expect(Math.abs((last / 48_000) * 1000 - (times.at(-1) ?? 0))).toBeLessThan(50);
  });

  it('drop sound that was sent twice', () => {
    const times = [...frames(48_000, 100), ...frames(48_000, 50).map((at) => at + 1000), ...frames(48_000, 100).map((at) => at + 2134)];
    const { stamps, given } = stampAll(48_000, times);
    expect(Math.min(...steps(given))).toBeGreaterThanOrEqual(1024);
    expect(stamps.dropped).toBeGreaterThan(40);
  });

  it('begin at the epoch, not before it', () => {
    const { given } = stampAll(48_000, frames(48_000, 100), 24_000);
    expect(given.filter((at) => at !== undefined)[0]).toBeGreaterThanOrEqual(24_000);
    expect(given.findIndex((at) => at !== undefined)).toBe(24);
  });
});
