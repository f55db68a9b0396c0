import { millis } from '#core/media/time.ts';
import type { Millis } from '#core/media/time.ts';

/** Waits that grow from attempt to attempt, with chance in them, so that a server that returns is not met by all at once. */
export class BackOff {
  readonly #first: number;
  readonly #longest: number;
  readonly #random: () => number;
  #attempts = 0;

  /**
   * Begins with the first wait.
   *
   * @param first - the first wait
   * @param longest - no wait is longer
   * @param random - from 0 to 1
   */
  constructor(first: Millis, longest: Millis, random: () => number = Math.random) {
    this.#first = first;
    this.#longest = longest;
    this.#random = random;
  }

  /** The next wait: between three quarters of its full length and all of it. */
  next(): Millis {
    const full = Math.min(this.#first * 2 ** this.#attempts, this.#longest);
    this.#attempts += 1;
    return millis(full * (0.75 + this.#random() / 4));
  }

  /** Waits taken since the last success. */
  get attempts(): number {
    return this.#attempts;
  }

  /** It worked: begin with the first wait again. */
  reset(): void {
    this.#attempts = 0;
  }
}
