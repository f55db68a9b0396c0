import type { Millis } from '../../media/time.ts';

/** Bins of a window: 25 ms each, 1 s in all. Finer than a frame of 30 fps, so that 200 ms are measured to a tenth. */
const BIN = 25;
const BINS = 40;

/**
 * Bits per second over a window of up to a second, in constant memory. Instants may come in any order within the last second,
 * on any clock: the sender's for what was sent, the receiver's for what arrived.
 */
export class RateWindow {
  readonly #bytes = new Float64Array(BINS);
  /** Which bin of time each place holds. */
  readonly #bin = new Float64Array(BINS).fill(-1);
  #newest = -1;
  #first = -1;

  /** Whether anything was counted since the last reset. */
  get empty(): boolean {
    return this.#newest < 0;
  }

  add(at: Millis, bytes: number): void {
    const bin = Math.floor(at / BIN);
    if (this.#newest >= 0 && bin <= this.#newest - BINS) {
      return;
    }
    const place = ((bin % BINS) + BINS) % BINS;
    if (this.#bin[place] !== bin) {
      this.#bin[place] = bin;
      this.#bytes[place] = 0;
    }
    this.#bytes[place]! += bytes;
    if (bin > this.#newest) {
      this.#newest = bin;
    }
    if (this.#first < 0) {
      this.#first = bin;
    }
  }

  /**
   * Bits per second over the last whole bins. Until there are as many as the window has, over those there are; undefined before two.
   *
   * @param until the end of the window; default: the newest instant counted.
   */
  rate(window: Millis, until?: Millis): number | undefined {
    const end = until === undefined ? this.#newest : Math.floor(until / BIN);
    const bins = Math.min(Math.round(window / BIN), BINS - 1, end - this.#first);
    if (this.#first < 0 || bins < 2) {
      return undefined;
    }
    let bytes = 0;
    // The last bin is still being filled.
    for (let bin = end - bins; bin < end; bin += 1) {
      const place = ((bin % BINS) + BINS) % BINS;
      if (this.#bin[place] === bin) {
        bytes += this.#bytes[place]!;
      }
    }
    return (bytes * 8000) / (bins * BIN);
  }

  reset(): void {
    this.#bin.fill(-1);
    this.#newest = -1;
    this.#first = -1;
  }
}
