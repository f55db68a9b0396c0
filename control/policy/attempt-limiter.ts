import { elapsed, type Clock, type WallTime } from '#core/media/time.ts';

/** Options of an {@link AttemptLimiter}. */
export type AttemptLimiterOptions = {
  /** Failures allowed at once, and again in every minute. */
  readonly perMinute: number;
  readonly clock: Clock;
  /** Sources remembered at most; the one longest without a failure is forgotten first. Default 4,096. */
  readonly maxSources?: number;
};

type Bucket = { tokens: number; at: WallTime };

/** A token bucket of failed attempts for each source. Only failures cost; its memory is bounded. */
export class AttemptLimiter {
  readonly #perMinute: number;
  readonly #clock: Clock;
  readonly #maxSources: number;
  /** In order of the last failure. */
  readonly #buckets = new Map<string, Bucket>();

  constructor(options: AttemptLimiterOptions) {
    this.#perMinute = options.perMinute;
    this.#clock = options.clock;
    this.#maxSources = options.maxSources ?? 4_096;
  }

  /** Tells whether a source has failed so often that it is not to be heard now. */
  isExhausted(source: string): boolean {
    return this.#tokens(source) < 1;
  }

  /** Counts a failure. */
  fail(source: string): void {
    const tokens = this.#tokens(source);
    this.#buckets.delete(source);
    this.#buckets.set(source, { tokens: Math.max(0, tokens - 1), at: this.#clock() });
    if (this.#buckets.size > this.#maxSources) {
      const [longestQuiet] = this.#buckets.keys();
      this.#buckets.delete(longestQuiet ?? source);
    }
  }

  /** Sources remembered now. */
  get size(): number {
    return this.#buckets.size;
  }

  #tokens(source: string): number {
    const bucket = this.#buckets.get(source);
    if (bucket === undefined) {
      return this.#perMinute;
    }
    // A clock that is set back must neither lock anybody out for longer nor give anything away.
    const passed = Math.max(0, elapsed(bucket.at, this.#clock()));
    return Math.min(this.#perMinute, bucket.tokens + (passed * this.#perMinute) / 60_000);
  }
}
