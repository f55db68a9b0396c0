import { describe, expect, it } from 'vitest';
import { millis } from '#core/media/time.ts';
import { JitterTarget } from './jitter-target.ts';
import type { JitterInput } from './jitter-target.ts';

/** Looks once a second; returns what was asked for each time. */
function run(target: JitterTarget, seconds: number, from: number, input: (second: number) => Partial<JitterInput> = () => ({})): number[] {
  return Array.from({ length: seconds }, (_, second) =>
    target.step({ now: millis((from + second) * 1_000), freezes: 0, unevenness: millis(2), interval: millis(33), nacks: 0, lost: 0, jitter: millis(3), roundTrip: millis(40), ...input(second) }),
  );
}

describe('the target of the jitter buffer', () => {
  it('is nothing while nothing freezes', () => {
    expect(new Set(run(new JitterTarget(), 60, 0))).toEqual(new Set([0]));
  });

  it('rises with the first freeze, and further with the next', () => {
    const target = new JitterTarget();
    const asked = run(target, 6, 0, (second) => ({ freezes: second === 1 || second === 4 ? 1 : 0 }));
    expect(asked[0]).toBe(0);
    expect(asked[1]).toBe(30);
    expect(asked[4]).toBe(60);
  });

  it('makes room for a round trip where packets are sent again', () => {
    expect(run(new JitterTarget(), 1, 0, () => ({ freezes: 1, nacks: 3, roundTrip: millis(180) }))).toEqual([180]);
  });

  it('counts freezes that follow each other at once as one trouble', () => {
    const target = new JitterTarget();
    target.step({ now: millis(0), freezes: 1, unevenness: millis(2), interval: millis(33), nacks: 0, lost: 0, jitter: undefined, roundTrip: undefined });
    expect(target.step({ now: millis(1_000), freezes: 1, unevenness: millis(2), interval: millis(33), nacks: 0, lost: 0, jitter: undefined, roundTrip: undefined })).toBe(30);
  });

  it('rises step by step, to a round trip and a little, while lost packets keep pictures from being shown', () => {
    const asked = run(new JitterTarget(), 20, 0, () => ({ unevenness: millis(25), nacks: 9, roundTrip: millis(60) }));
    expect(asked.slice(0, 3)).toEqual([15, 30, 45]);
    expect(asked.at(-1)).toBe(120);
  });

  it('does not rise for a computer or a camera that is uneven, nor for a few losses', () => {
    expect(run(new JitterTarget(), 5, 0, () => ({ unevenness: millis(25) })).at(-1)).toBe(0);
    expect(run(new JitterTarget(), 5, 0, () => ({ unevenness: millis(15), nacks: 2 })).at(-1)).toBe(0);
  });

  it('covers jitter that is high', () => {
    expect(run(new JitterTarget(), 1, 0, () => ({ jitter: millis(60) }))).toEqual([120]);
  });

  it('sinks to nothing when it has been calm, not before', () => {
    const target = new JitterTarget();
    run(target, 10, 0, () => ({ freezes: 1 }));
    const before = target.target;
    expect(before).toBeGreaterThan(100);
    expect(Math.min(...run(target, 14, 10))).toBe(before);
    const calm = run(target, 120, 24);
    expect(calm.every((value, index) => index === 0 || value <= (calm[index - 1] ?? 0))).toBe(true);
    expect(calm.at(-1)).toBe(0);
  });

  it('never asks for more than LL-HLS would need', () => {
    expect(Math.max(...run(new JitterTarget(), 120, 0, () => ({ freezes: 3, jitter: millis(900) })))).toBe(600);
  });

  it('begins anew on another path', () => {
    const target = new JitterTarget();
    run(target, 5, 0, () => ({ freezes: 1 }));
    target.renew();
    expect(target.target).toBe(0);
  });
});
