import { describe, expect, it } from 'vitest';
import { millis } from '#core/media/time.ts';
import { ThroughputEstimator } from './throughput.ts';

/** Downloads parts of a rung, one each 200 ms, over a link; `wait` is the time the server takes to answer. */
function load(estimator: ThroughputEstimator, options: { from: number; seconds: number; partBytes: number; link: number; wait?: (i: number) => number }): void {
  const { from, seconds, partBytes, link } = options;
  let free = 0;
  for (let i = 0; i < seconds * 5; i += 1) {
    const start = Math.max(from + i * 200, free);
    const firstByte = start + (options.wait?.(i) ?? 10);
    const end = firstByte + (partBytes * 8_000) / link;
    free = end;
    estimator.add({ start: millis(start), firstByte: millis(firstByte), end: millis(end), bytes: partBytes });
  }
}

describe('throughput', () => {
  it('is unknown before enough has been loaded', () => {
    const estimator = new ThroughputEstimator();
    estimator.add({ start: millis(0), firstByte: millis(5), end: millis(20), bytes: 3_000 });
    expect(estimator.estimate).toBeUndefined();
  });

  it('is the link\'s, however little of it the stream needs', () => {
    for (const link of [1_000_000, 4_000_000, 20_000_000]) {
      const estimator = new ThroughputEstimator();
      load(estimator, { from: 0, seconds: 10, partBytes: 17_500, link });
      expect(estimator.estimate).toBeGreaterThan(link * 0.85);
      expect(estimator.estimate).toBeLessThan(link * 1.1);
    }
  });

  it('does not take a wait for the part for slowness', () => {
    const estimator = new ThroughputEstimator();
    load(estimator, { from: 0, seconds: 10, partBytes: 17_500, link: 10_000_000, wait: (i) => (i % 2 === 0 ? 10 : 180) });
    expect(estimator.estimate).toBeGreaterThan(4_000_000);
  });

  it('counts time that two downloads share once', () => {
    const estimator = new ThroughputEstimator();
    for (let i = 0; i < 30; i += 1) {
      const at = i * 200;
      // Sound and picture share 4 Mbit/s: 40,000 bytes in 80 ms.
      estimator.add({ start: millis(at), firstByte: millis(at), end: millis(at + 20), bytes: 5_000 });
      estimator.add({ start: millis(at), firstByte: millis(at), end: millis(at + 80), bytes: 35_000 });
    }
    expect(estimator.estimate).toBeGreaterThan(3_900_000);
    expect(estimator.estimate).toBeLessThan(4_100_000);
  });

  it('falls within a second and rises within ten', () => {
    const estimator = new ThroughputEstimator();
    load(estimator, { from: 0, seconds: 20, partBytes: 62_500, link: 4_000_000 });
    load(estimator, { from: 20_000, seconds: 0.4, partBytes: 62_500, link: 1_000_000 });
    expect(estimator.estimate).toBeLessThan(1_500_000);
    load(estimator, { from: 22_000, seconds: 20, partBytes: 12_500, link: 1_000_000 });
    expect(estimator.estimate).toBeLessThan(1_100_000);
    load(estimator, { from: 42_000, seconds: 8, partBytes: 12_500, link: 4_000_000 });
    expect(estimator.estimate).toBeGreaterThan(3_000_000);
  });

  it('leaves impossible times out', () => {
    const estimator = new ThroughputEstimator();
    estimator.add({ start: millis(10), firstByte: millis(5), end: millis(20), bytes: 100_000 });
    estimator.add({ start: millis(10), firstByte: millis(15), end: millis(12), bytes: 100_000 });
    estimator.add({ start: millis(10), firstByte: millis(15), end: millis(Number.NaN), bytes: 100_000 });
    estimator.add({ start: millis(10), firstByte: millis(15), end: millis(20), bytes: 0 });
    expect(estimator.estimate).toBeUndefined();
  });
});
