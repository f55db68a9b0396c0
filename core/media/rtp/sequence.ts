/** Serial number arithmetic (RFC 1982) on the counters of RTP, and their unwrapping into numbers that never wrap. */

/** The way from `a` to `b` around the circle of 16-bit numbers: -32,768 to 32,767, positive where `b` is newer. */
export function sequenceDistance(a: number, b: number): number {
  return ((b - a) << 16) >> 16;
}

/** The way from `a` to `b` around the circle of 32-bit numbers: RTP timestamps. Positive where `b` is later. */
export function timestampDistance(a: number, b: number): number {
  return (b - a) | 0;
}

/** Tells whether the 16-bit sequence number `a` is newer than `b`. */
export function isNewer(a: number, b: number): boolean {
  return sequenceDistance(b, a) > 0;
}

/**
 * Turns a counter of 16, 24 or 32 bits that wraps into one that does not. Each value is taken as the nearest to the newest one
 * before it, so what comes late or twice unwraps to its old place.
 */
export class SequenceUnwrapper {
  readonly #range: number;
  #newest: number | undefined;

  constructor(bits: 16 | 24 | 32 = 16) {
    this.#range = 2 ** bits;
  }

  /** The highest number unwrapped so far; undefined before the first. */
  get newest(): number | undefined {
    return this.#newest;
  }

  /** Unwraps a value and remembers it where it is the newest. The first comes back as it is; what is older than it may be below 0. */
  unwrap(value: number): number {
    const unwrapped = this.peek(value);
    if (this.#newest === undefined || unwrapped > this.#newest) {
      this.#newest = unwrapped;
    }
    return unwrapped;
  }

  /** What {@link unwrap} would give, without remembering. */
  peek(value: number): number {
    const newest = this.#newest;
    if (newest === undefined) {
      return value;
    }
    const range = this.#range;
    const ahead = (((value - newest) % range) + range) % range;
    return newest + (ahead < range / 2 ? ahead : ahead - range);
  }

  /** Forgets all: the next value is the first. */
  reset(): void {
    this.#newest = undefined;
  }
}
