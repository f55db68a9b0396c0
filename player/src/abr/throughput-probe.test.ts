import { describe, expect, it } from 'vitest';
import { millis } from '#core/media/time.ts';
import { ThroughputProbe } from './throughput-probe.ts';

describe('a probe', () => {
  it('measures the second half, after what a token bucket lets pass at once', () => {
    const probe = new ThroughputProbe();
    let at = 0;
    expect(probe.received(millis(at), 64_000)).toBe(false);
    while (!probe.received(millis((at += 10)), 1_250)) {
      expect(at).toBeLessThan(1_000);
    }
    expect(at).toBe(700);
    expect(probe.throughput).toBeCloseTo(1_000_000, -3);
  });

  it('ends when enough has come', () => {
    const probe = new ThroughputProbe();
    let at = 0;
    while (!probe.received(millis((at += 10)), 5_000)) {
      expect(at).toBeLessThan(700);
    }
    expect(at).toBe(320);
    expect(probe.throughput).toBeCloseTo(4_000_000, -3);
  });

  it('counts what else crossed the link meanwhile', () => {
    const probe = new ThroughputProbe();
    let at = 0;
    while (!probe.received(millis((at += 10)), 2_500)) {
      expect(at).toBeLessThan(700);
    }
    probe.alongside({ start: millis(400), firstByte: millis(400), end: millis(600), bytes: 25_000 });
    probe.alongside({ start: millis(0), firstByte: millis(0), end: millis(100), bytes: 25_000 });
    // Of 640 ms the second half is measured: 2 Mbit/s, and 25,000 bytes beside it.
    expect(probe.throughput).toBeGreaterThan(2_600_000);
    expect(probe.throughput).toBeLessThan(2_650_000);
  });

  it('takes much in one go for a quick link, and says nothing of little', () => {
    const probe = new ThroughputProbe();
    expect(probe.received(millis(5), 400_000)).toBe(true);
    expect(probe.throughput).toBeGreaterThan(100_000_000);
    const small = new ThroughputProbe();
    small.received(millis(5), 4_000);
    expect(small.throughput).toBeUndefined();
    expect(new ThroughputProbe().throughput).toBeUndefined();
  });
});
