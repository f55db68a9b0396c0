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
  #newestAt = 0;
  #newestBytes = 0;
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
    if (bin > this.#newest || at >= this.#newestAt) {
      this.#newest = bin;
      this.#newestAt = at;
      this.#newestBytes = bytes;
    }
    if (this.#first < 0) {
      this.#first = bin;
    }
  }

  /**
   * Bits per second over a window that ends with the newest instant counted. Until there is so much, over what there is; undefined before two bins.
   * What came just now counts: after a pause it is all there is to tell what the path can do.
   */
  rate(window: Millis): number | undefined {
    const bins = Math.min(Math.round(window / BIN), BINS - 1, this.#newest - this.#first);
    if (this.#first < 0 || bins < 2) {
      return undefined;
    }
    const into = this.#newestAt - this.#newest * BIN;
    // The newest packet's own time is yet to come.
    return ((this.#sum(this.#newest - bins, this.#newest + 1) - this.#newestBytes) * 8000) / (bins * BIN + into);
  }

  /** Bits per second over a window that ended a moment ago, with nothing counted since or not; undefined as for {@link rate}. */
  rateUntil(until: Millis, window: Millis): number | undefined {
    const end = Math.floor(until / BIN);
    const bins = Math.min(Math.round(window / BIN), BINS - 1, end - this.#first);
    // The last bin is still being filled.
    return this.#first < 0 || bins < 2 ? undefined : (this.#sum(end - bins, end) * 8000) / (bins * BIN);
  }

  reset(): void {
    this.#bin.fill(-1);
    this.#newest = -1;
    this.#first = -1;
  }

  #sum(from: number, to: number): number {
    let bytes = 0;
    for (let bin = from; bin < to; bin += 1) {
      const place = ((bin % BINS) + BINS) % BINS;
      if (this.#bin[place] === bin) {
        bytes += this.#bytes[place]!;
      }
    }
    return bytes;
  }
}
