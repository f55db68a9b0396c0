import type { Millis } from '../../media/time.ts';

const BIN = 100;
const BINS = 10;
/** Fewer packets than this say nothing of a share. */
const LEAST_PACKETS = 20;

/** Packets told arrived and missing over the last second. */
export class LossWindow {
  readonly #arrived = new Int32Array(BINS);
  readonly #missing = new Int32Array(BINS);
  #bin = -1;

  /** Counts one packet. `wasMissing`: it was told missing before and has arrived after all. */
  add(missing: boolean, wasMissing: boolean, now: Millis): void {
    const place = this.#turn(now);
    if (missing) {
      this.#missing[place]! += 1;
    } else {
      this.#arrived[place]! += 1;
      if (wasMissing) {
        this.#missing[place]! -= 1;
      }
    }
  }

  /** Share missing, 0 to 1, among how many packets. */
  share(now: Millis): { readonly loss: number; readonly packets: number } {
    this.#turn(now);
    let missing = 0;
    let packets = 0;
    for (let bin = 0; bin < BINS; bin += 1) {
      missing += this.#missing[bin]!;
      packets += this.#missing[bin]! + this.#arrived[bin]!;
    }
    return { loss: packets <= 0 ? 0 : Math.max(0, missing) / packets, packets };
  }

  /** The share beyond doubt: two standard deviations below what was counted. 0 while there is too little to count. */
  certain(now: Millis): number {
    const { loss, packets } = this.share(now);
    return packets < LEAST_PACKETS ? 0 : Math.max(0, loss - 2 * Math.sqrt((loss * (1 - loss)) / packets));
  }

  reset(): void {
    this.#arrived.fill(0);
    this.#missing.fill(0);
    this.#bin = -1;
  }

  #turn(now: Millis): number {
    const bin = Math.floor(now / BIN);
    if (this.#bin < 0 || bin - this.#bin >= BINS) {
      this.#arrived.fill(0);
      this.#missing.fill(0);
      this.#bin = bin;
    }
    while (this.#bin < bin) {
      this.#bin += 1;
      this.#arrived[this.#bin % BINS] = 0;
      this.#missing[this.#bin % BINS] = 0;
    }
    return this.#bin % BINS;
  }
}
