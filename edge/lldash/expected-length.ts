import { ticks, type Ticks, type Timescale } from '#core/media/time.ts';

import type { SegmentRow } from './segment-rows.ts';

/** Whole segments that tell how long the next ones will be. */
const REMEMBERED = 8;

/** Seconds expected of the first segment of all: what most encoders are set to. */
const FIRST_SECONDS = 2;

/** The longest of the last few whole segments; undefined where there is none. */
export function usualLength(whole: readonly SegmentRow[]): Ticks | undefined {
  return whole.length === 0 ? undefined : ticks(Math.max(...whole.slice(-REMEMBERED).map((row) => row.ticks)));
}

/**
 * How long the group in the making, and the one after it, are said to be: as long as the longest of the last few. A player that is told too much
 * finds the next group where it looks for it; one that is told too little gets the same group again (measured with dash.js 5.2).
 */
export class ExpectedLength {
  readonly #timescale: Timescale;
  #growsFrom: Ticks | undefined;
  #listedTo = -Infinity;
  #ticks: Ticks;

  constructor(timescale: Timescale) {
    this.#timescale = timescale;
    this.#ticks = ticks(FIRST_SECONDS * this.#timescale);
  }

  /** The expectation after these whole segments, while a group grows that began at `growsFrom`; undefined where none does. */
  after(whole: readonly SegmentRow[], growsFrom: Ticks | undefined): Ticks {
    if (growsFrom === undefined || growsFrom === this.#growsFrom) {
      return this.#ticks;
    }
    let expected = usualLength(whole) ?? this.#ticks;
    // Shaka 5.2 takes over only segments that end later than all that it knows: the end of the list may not go back.
    if (growsFrom + 2 * expected <= this.#listedTo) {
      expected = ticks(Math.floor((this.#listedTo - growsFrom) / 2) + 1);
    }
    this.#listedTo = growsFrom + 2 * expected;
    this.#growsFrom = growsFrom;
    return (this.#ticks = expected);
  }
}
