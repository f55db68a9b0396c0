/**
 * Branded time. No exported signature takes a bare number for a duration or an instant.
 *
 * Media time is counted in {@link Ticks} of a track's timescale (video: {@link VIDEO_TIMESCALE}, audio: the sample
 * rate); durations of the real world in {@link Millis}; instants of the real world in {@link WallTime}.
 */

declare const ticksBrand: unique symbol;
declare const millisBrand: unique symbol;
declare const wallTimeBrand: unique symbol;
declare const timescaleBrand: unique symbol;

/** Media time or duration in units of a track's timescale. An integer, exact up to 2^53. */
export type Ticks = number & { readonly [ticksBrand]: true };

/** A duration in milliseconds; fractions are allowed. */
export type Millis = number & { readonly [millisBrand]: true };

/** An instant: milliseconds since the Unix epoch; fractions are allowed. */
export type WallTime = number & { readonly [wallTimeBrand]: true };

/** Ticks per second of a track. A positive integer. */
export type Timescale = number & { readonly [timescaleBrand]: true };

/** A source of the present instant, handed in wherever code would otherwise read the system clock. */
export type Clock = () => WallTime;

/** Ticks per second of every video track. */
export const VIDEO_TIMESCALE = 90_000 as Timescale;

/** Brands an integer as media time. Rounds to the nearest tick. */
export function ticks(value: number): Ticks {
  return Math.round(value) as Ticks;
}

/** Brands a number as a duration in milliseconds. */
export function millis(value: number): Millis {
  return value as Millis;
}

/** Brands milliseconds since the Unix epoch as an instant. */
export function wallTime(value: number): WallTime {
  return value as WallTime;
}

/** Brands a positive integer as a timescale. */
export function timescale(value: number): Timescale {
  return value as Timescale;
}

/** Converts media time into milliseconds. */
export function ticksToMillis(value: Ticks, scale: Timescale): Millis {
  return ((value * 1000) / scale) as Millis;
}

/** Converts milliseconds into media time, to the nearest tick. */
export function millisToTicks(value: Millis, scale: Timescale): Ticks {
  return Math.round((value * scale) / 1000) as Ticks;
}

/** Converts media time from one timescale to another, to the nearest tick. */
export function rescale(value: Ticks, from: Timescale, to: Timescale): Ticks {
  return from === to ? value : (Math.round((value * to) / from) as Ticks);
}

/** The sum of two media times of one timescale. */
export function addTicks(a: Ticks, b: Ticks): Ticks {
  return (a + b) as Ticks;
}

/** The difference `a - b` of two media times of one timescale. */
export function subTicks(a: Ticks, b: Ticks): Ticks {
  return (a - b) as Ticks;
}

/** The instant `by` later than `at`. */
export function later(at: WallTime, by: Millis): WallTime {
  return (at + by) as WallTime;
}

/** The time that passes from `from` to `to`; negative where `to` is earlier. */
export function elapsed(from: WallTime, to: WallTime): Millis {
  return (to - from) as Millis;
}

/** The system's clock. */
export const systemClock: Clock = () => Date.now() as WallTime;
