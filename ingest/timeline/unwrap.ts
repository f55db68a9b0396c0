const WRAP = 2 ** 32;

/**
 * Turns a track's unsigned 32-bit timestamps into a count that never wraps (RTMP 1.0, 5.3.1.1: they roll over every
 * 49.7 days and must be compared modulo 2^32).
 *
 * Each timestamp is taken as the nearest one to its predecessor, so a step back stays a step back: what it means is
 * judged elsewhere.
 */
export class Unwrapper {
  #last: number | undefined;

  /** @param near An unwrapped count of another track of the same clock, so that both unwrap alike. */
  constructor(near?: number) {
    this.#last = near;
  }

  /** The timestamp as a count without wraps; negative where the clock was set back past its zero. */
  unwrap(timestamp: number): number {
    const value = timestamp >>> 0;
    if (this.#last === undefined) {
      this.#last = value;
      return value;
    }
    // `| 0` reads the difference modulo 2^32 as signed.
    this.#last += ((value - (((this.#last % WRAP) + WRAP) % WRAP)) | 0);
    return this.#last;
  }
}
