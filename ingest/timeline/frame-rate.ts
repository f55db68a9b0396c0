import { VIDEO_TIMESCALE, type Millis } from '#core/media/time.ts';

/** Frames per second as an exact fraction. */
export type Rate = { readonly num: number; readonly den: number };

/** What a run of timestamps says of a track's frame rate. */
export type RateFit =
  | {
      readonly kind: 'constant';
      readonly rate: Rate;
      /** Milliseconds at which the grid has its frame 0: the first timestamp, freed of its rounding. */
      readonly phase: number;
      /** True where nothing but the timestamps' rounding stands between them and the grid. */
      readonly exact: boolean;
      /** True where no other rate known fits the timestamps as well. */
      readonly certain: boolean;
    }
  | { readonly kind: 'variable'; readonly mean: number; readonly why: 'jitter' | 'gaps' }
  /** Too few timestamps to tell. */
  | { readonly kind: 'unknown'; readonly mean: number };

/** How to read a run of timestamps. */
export type FitOptions = {
  /** Step of the timestamps: RTMP 1 ms. */
  readonly resolution: Millis;
  /** Frames per second that the publisher claims; decides only between rates that fit equally. */
  readonly claimed?: number | undefined;
  /** Try this rate alone. */
  readonly only?: Rate | undefined;
};

const NTSC = [24, 30, 48, 60, 120];
const HALVES = [7.5, 12.5, 37.5];
const RATES: readonly Rate[] = [
  ...Array.from({ length: 240 }, (_, at) => ({ num: at + 1, den: 1 })),
  ...NTSC.map((rate) => ({ num: rate * 1000, den: 1001 })),
  ...HALVES.map((rate) => ({ num: rate * 2, den: 2 })),
];

/** Timestamps fewer than these say nothing. */
const MIN_STAMPS = 5;
/** Rounding that an encoder does twice (to its own clock, then to the protocol's) adds this part of a step. */
const ROUNDING_SLACK = 0.12;
/** Timestamps of a camera's clock may stray this part of a frame from the grid and still be taken onto it. */
const JITTER = 0.25;
/** A track that leaves out more of its grid than this has no constant rate. */
const MAX_SKIPPED = 0.25;

/** Frames per second as a number. */
export function framesPerSecond(rate: Rate): number {
  return rate.num / rate.den;
}

/** Duration of a frame in 90 kHz ticks; may be a fraction. */
export function frameTicks(rate: Rate): number {
  return (VIDEO_TIMESCALE * rate.den) / rate.num;
}

/** Duration of a frame in milliseconds. */
export function frameMillis(rate: Rate): number {
  return (1000 * rate.den) / rate.num;
}

/** Tells whether two rates are one. */
export function sameRate(a: Rate | undefined, b: Rate | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && a.num * b.den === b.num * a.den);
}

/**
 * Finds the grid that rounded decoding timestamps were made from. Frames may be missing.
 *
 * Timestamps rounded to a step `r` lie within an interval as wide as `r` around their true grid, whatever way they were
 * rounded. A wrong rate leaves that interval: 30 for 29.97 by a millisecond each second. So the rate is the one whose
 * residuals stay together, and half a second usually tells neighbours apart.
 */
export function fitFrameRate(stamps: readonly number[], options: FitOptions): RateFit {
  const first = stamps[0] ?? 0;
  const span = (stamps[stamps.length - 1] ?? 0) - first;
  const mean = span > 0 ? ((stamps.length - 1) * 1000) / span : 0;
  if (stamps.length < MIN_STAMPS || span <= 0) {
    return { kind: 'unknown', mean };
  }
  const typical = medianStep(stamps);
  const near = Math.max(options.resolution * 0.75, typical * 0.03);
  const candidates = (options.only ? [options.only] : RATES.filter((rate) => Math.abs(frameMillis(rate) - typical) <= near)).map((rate) =>
    tryRate(stamps, rate),
  );
  const exact = candidates.filter((trial) => trial.spread <= options.resolution * (1 + ROUNDING_SLACK));
  const steady = exact.length > 0 ? exact : candidates.filter((trial) => trial.spread <= 2 * JITTER * frameMillis(trial.rate));
  const best = choose(steady, options.claimed);
  if (!best) {
    return { kind: 'variable', mean, why: 'jitter' };
  }
  if (best.slots > 0 && 1 - (stamps.length - 1) / best.slots > MAX_SKIPPED) {
    return { kind: 'variable', mean, why: 'gaps' };
  }
  return { kind: 'constant', rate: best.rate, phase: best.phase, exact: exact.length > 0, certain: exact.length === 1 };
}

type Trial = { readonly rate: Rate; readonly spread: number; readonly phase: number; readonly slots: number };

/** Lays timestamps onto a rate's grid: how far apart the residuals lie, where the grid's frame 0 is, slots up to the last frame. */
function tryRate(stamps: readonly number[], rate: Rate): Trial {
  const step = frameMillis(rate);
  let phase = stamps[0] ?? 0;
  let low = 0;
  let high = 0;
  let slot = 0;
  // The first pass leans on the first timestamp, the second on the middle of all.
  for (let pass = 0; pass < 2; pass += 1) {
    low = Infinity;
    high = -Infinity;
    slot = -1;
    for (const stamp of stamps) {
      slot = Math.max(slot + 1, Math.round((stamp - phase) / step));
      const residual = stamp - phase - slot * step;
      low = Math.min(low, residual);
      high = Math.max(high, residual);
    }
    phase += (low + high) / 2;
  }
  return { rate, spread: high - low, phase, slots: slot };
}

/** The publisher's own claim among rates that fit, else the one that fits best, else the commoner one. */
function choose(trials: readonly Trial[], claimed: number | undefined): Trial | undefined {
  if (claimed !== undefined) {
    const meant = trials.find((trial) => Math.abs(framesPerSecond(trial.rate) - claimed) < 0.006);
    if (meant) {
      return meant;
    }
  }
  return trials.toSorted((a, b) => Math.round((a.spread - b.spread) * 10) || commonness(b.rate) - commonness(a.rate))[0];
}

function commonness(rate: Rate): number {
  const fps = framesPerSecond(rate);
  if ([24, 25, 30, 50, 60].includes(fps)) {
    return 2;
  }
  return rate.den === 1001 || fps % 5 === 0 ? 1 : 0;
}

function medianStep(stamps: readonly number[]): number {
  const steps = stamps.slice(1).map((stamp, at) => stamp - (stamps[at] ?? 0));
  steps.sort((a, b) => a - b);
  const middle = steps.slice(Math.floor(steps.length / 4), Math.ceil((steps.length * 3) / 4));
  // The mean of the middle half: rounded steps alternate (33, 33, 34), and dropped frames are outliers.
  return middle.reduce((sum, step) => sum + step, 0) / Math.max(1, middle.length);
}
