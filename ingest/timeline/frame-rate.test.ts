import { describe, expect, it } from 'vitest';

import { millis } from '#core/media/time.ts';

import { fitFrameRate, frameTicks, framesPerSecond } from './frame-rate.ts';

const resolution = millis(1);

/** Timestamps of `count` frames, rounded to a millisecond in one of the ways encoders do. */
function stampsOf(fps: number, count: number, options: { start?: number; round?: (value: number) => number; drop?: (n: number) => boolean } = {}): number[] {
  const { start = 0, round = Math.round, drop = () => false } = options;
  return Array.from({ length: count }, (_, n) => n)
    .filter((n) => !drop(n))
    .map((n) => round(start + (n * 1000) / fps));
}

const cases = [
  ['23.976', 24_000 / 1001, 3753.75],
  ['24', 24, 3750],
  ['25', 25, 3600],
  ['29.97', 30_000 / 1001, 3003],
  ['30', 30, 3000],
  ['48', 48, 1875],
  ['50', 50, 1800],
  ['59.94', 60_000 / 1001, 1501.5],
  ['60', 60, 1500],
  ['120', 120, 750],
  ['15', 15, 6000],
  ['12.5', 12.5, 7200],
  ['12', 12, 7500],
  ['10', 10, 9000],
  ['20', 20, 4500],
  ['18', 18, 5000],
  ['7', 7, 90_000 / 7],
  ['5', 5, 18_000],
] as const;

describe('the frame rate behind rounded timestamps', () => {
  for (const [how, round] of [['rounded', Math.round], ['cut off', Math.floor], ['rounded up', Math.ceil]] as const) {
    it.each(cases)(`is found for %s fps from 2 s of timestamps ${how} to 1 ms`, (_name, fps, ticks) => {
      for (const start of [0, 0.3, 0.5, 12_345.678, 4_294_967_000.9]) {
        const fit = fitFrameRate(stampsOf(fps, Math.ceil(fps * 2), { start, round }), { resolution });
        expect(fit).toMatchObject({ kind: 'constant', exact: true });
        expect(fit.kind === 'constant' && frameTicks(fit.rate)).toBeCloseTo(ticks, 9);
      }
    });
  }

  it.each(cases)('is found for %s fps although a tenth of the frames is missing', (_name, fps, ticks) => {
    const fit = fitFrameRate(stampsOf(fps, Math.ceil(fps * 2.1), { drop: (n) => n % 10 === 7 }), { resolution });
    expect(fit.kind === 'constant' && frameTicks(fit.rate)).toBeCloseTo(ticks, 9);
  });

  it.each([
    ['29.97', 30_000 / 1001],
    ['30', 30],
    ['59.94', 60_000 / 1001],
    ['60', 60],
    ['23.976', 24_000 / 1001],
    ['24', 24],
  ])('tells %s fps from its neighbour after 1.2 s, whatever is claimed', (_name, fps) => {
    for (const claimed of [undefined, 24, 24_000 / 1001, 30, 30_000 / 1001, 60, 60_000 / 1001]) {
      const fit = fitFrameRate(stampsOf(fps, Math.ceil(fps * 1.2), { start: 77.7 }), { resolution, claimed });
      expect(fit).toMatchObject({ kind: 'constant', certain: true });
      expect(fit.kind === 'constant' && framesPerSecond(fit.rate)).toBeCloseTo(fps, 9);
    }
  });

  it('believes the claim only between rates that fit equally', () => {
    const short = stampsOf(30, 6, { start: 0 });
    expect(fitFrameRate(short, { resolution, claimed: 30_000 / 1001 })).toMatchObject({ rate: { num: 30_000, den: 1001 }, certain: false });
    expect(fitFrameRate(short, { resolution, claimed: 25 })).toMatchObject({ rate: { num: 30, den: 1 } });
  });

  it('takes a camera that strays a few milliseconds onto its grid', () => {
    const jitter = [0, 3, -4, 2, 5, -3, 1, -5, 4, -1];
    const stamps = stampsOf(30, 63).map((stamp, n) => stamp + (jitter[n % 10] ?? 0));
    expect(fitFrameRate(stamps, { resolution, claimed: 30 })).toMatchObject({ kind: 'constant', exact: false, rate: { num: 30, den: 1 } });
  });

  it('brings a film that was spread over a display of 60 Hz back to its 24 fps', () => {
    const stamps = Array.from({ length: 50 }, (_, n) => Math.round(Math.ceil((n * 60) / 24) * (1000 / 60)));
    expect(fitFrameRate(stamps, { resolution })).toMatchObject({ kind: 'constant', exact: false, rate: { num: 24, den: 1 } });
  });

  it('puts frame 0 of the grid within the rounding of the first timestamp', () => {
    const fit = fitFrameRate(stampsOf(60_000 / 1001, 120, { start: 500.25 }), { resolution });
    expect(Math.abs((fit.kind === 'constant' ? fit.phase : 0) - 500.25)).toBeLessThan(0.6);
  });

  it.each([
    ['steps that wander', [0, 20, 61, 75, 130, 144, 190, 260, 275, 330, 345, 420]],
    ['a grid of which most is left out', [0, 33, 67, 267, 300, 333, 600, 633, 667, 900, 933, 967, 1200, 1233, 1267]],
  ])('is variable with %s', (_name, stamps) => {
    expect(fitFrameRate(stamps, { resolution }).kind).toBe('variable');
  });

  it.each([['no', []], ['one', [5]], ['four', [0, 33, 67, 100]], ['equal', [7, 7, 7, 7, 7, 7]]])('is unknown from %s timestamps', (_name, stamps) => {
    expect(fitFrameRate(stamps, { resolution }).kind).toBe('unknown');
  });
});
