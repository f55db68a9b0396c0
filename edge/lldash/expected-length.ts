import { ticks, type Ticks, type Timescale } from '#core/media/time.ts';

import type { SegmentRow } from './segment-rows.ts';

/** Whole segments that tell how long the next ones will be. */
const REMEMBERED = 8;

/** Seconds expected of the first segment of all: what most encoders are set to. */
const FIRST_SECONDS = 2;

/**
 * How long the group in the making, and the one after it, are said to be: as long as the longest of the last few. A player that is told too much
 * finds the next group where it looks for it; one that is told too little gets the same group again (measured with dash.js 5.2).
 */
export class ExpectedLength {
  readonly #timescale: Timescale;
  #listedTo = -Infinity;
  #ticks: Ticks | undefined;

  constructor(timescale: Timescale) {
    this.#timescale = timescale;
  }

  /** The expectation after so many whole segments, of which the last may be followed by one that grows from `growsFrom` on. */
  after(whole: readonly SegmentRow[], growsFrom: Ticks): Ticks {
    const lengths = whole.slice(-REMEMBERED).map((row) => row.ticks);
    let expected = lengths.length === 0 ? (this.#ticks ?? ticks(FIRST_SECONDS * this.#timescale)) : ticks(Math.max(...lengths));
    // Shaka 5.2 takes over only segments that end later than all that it knows: the end of the list may not go back.
    if (growsFrom + 2 * expected <= this.#listedTo) {
      expected = ticks(Math.floor((this.#listedTo - growsFrom) / 2) + 1);
    }
    this.#listedTo = Math.max(this.#listedTo, growsFrom + 2 * expected);
    this.#ticks = expected;
    return expected;
  }
}
