import { millis, ticks, VIDEO_TIMESCALE, type Millis, type Ticks } from '#core/media/time.ts';

/** Where an epoch lies on its broadcast's timeline. */
export type Placement = {
  /** First dts of the epoch. */
  readonly first: Ticks;
  /** The same instant as {@link first}, in milliseconds. */
  readonly base: Millis;
  /** Added to a sample's media time, gives its time on the timeline. */
  readonly shift: Millis;
};

/**
 * Places an epoch (ADR 0001, the timeline of a broadcast): not before `floor`, the end of everything given out, and
 * not before `wanted`, which is the wall time passed or, where the same publisher goes on, its own clock.
 *
 * On the grid of seconds the epoch is moved up so that its first frame is shown at a whole second: else its first group
 * could be a single frame long, and a source whose key frames come every few seconds would never have one at a group's start.
 */
export function placeEpoch(options: {
  /** The first frame's decoding time on the source's clock. */
  readonly zero: Millis;
  readonly wanted: Millis;
  readonly floor: Millis;
  readonly grid: boolean;
  /** Presentation minus decoding time of the first frame. */
  readonly firstOffset: Ticks;
}): Placement {
  const { zero, wanted, floor, grid, firstOffset } = options;
  // A sum of milliseconds may miss its tick by a rounding error.
  let first = Math.ceil(Math.max(wanted, floor) * (VIDEO_TIMESCALE / 1000) - 1e-4);
  if (grid) {
    first = Math.ceil((first + firstOffset) / VIDEO_TIMESCALE) * VIDEO_TIMESCALE - firstOffset;
  }
  const base = (first * 1000) / VIDEO_TIMESCALE;
  return { first: ticks(first), base: millis(base), shift: millis(base - zero) };
}
