import { millis, type Millis } from '#core/media/time.ts';

import { fitFrameRate, sameRate, type Rate } from './frame-rate.ts';

/** Media looked at, and how often. */
const WINDOW = 2000;
const EVERY = 1000;
const MAX_STAMPS = 600;
/** Looks that must agree before the epoch's rate is given up for another one, or for none, or found again. */
const OTHER_RATE = 2;
const NO_RATE = 5;
const FOUND_RATE = 8;

/** What the running source's timestamps say: as it was, another constant rate, or none. */
export type RateVerdict = 'same' | 'variable' | Rate;

/** Keeps verifying an epoch's frame rate: a fit over the last two seconds, once a second. */
export class RateWatch {
  readonly #resolution: Millis;
  readonly #rate: Rate | undefined;
  #stamps: number[] = [];
  #nextLook = -Infinity;
  #other: Rate | undefined;
  #agreed = 0;
  #verdict: RateVerdict = 'same';

  /** @param rate The epoch's rate; undefined where it varies. */
  constructor(rate: Rate | undefined, resolution: Millis) {
    this.#rate = rate;
    this.#resolution = resolution;
  }

  /** Takes note of a frame's decoding time on the source's clock and says what is known since the last look. */
  observe(media: Millis): RateVerdict {
    this.#stamps.push(media);
    if (this.#nextLook === -Infinity) {
      this.#nextLook = media + WINDOW;
    }
    if (media >= this.#nextLook) {
      this.#nextLook = media + EVERY;
      this.#look(media);
    }
    if (this.#stamps.length > MAX_STAMPS) {
      this.#stamps.shift();
    }
    return this.#verdict;
  }

  #look(now: number): void {
    this.#stamps = this.#stamps.filter((stamp) => stamp >= now - WINDOW);
    const fit = fitFrameRate(this.#stamps, { resolution: millis(this.#resolution) });
    if (fit.kind === 'constant' && fit.exact && fit.certain) {
      this.#note(sameRate(fit.rate, this.#rate) ? undefined : fit.rate, this.#rate ? OTHER_RATE : FOUND_RATE);
      return;
    }
    // Frames dropped on a bad connection leave the rest on the grid: only jitter speaks against it.
    if (this.#rate && fit.kind === 'variable' && fit.why === 'jitter' && fitFrameRate(this.#stamps, { resolution: this.#resolution, only: this.#rate }).kind === 'variable') {
      this.#agreed = this.#other === undefined ? this.#agreed + 1 : 1;
      this.#other = undefined;
      this.#verdict = this.#agreed >= NO_RATE ? 'variable' : 'same';
      return;
    }
    this.#note(undefined, Infinity);
  }

  #note(other: Rate | undefined, needed: number): void {
    this.#agreed = other && sameRate(other, this.#other) ? this.#agreed + 1 : other ? 1 : 0;
    this.#other = other;
    this.#verdict = other && this.#agreed >= needed ? other : 'same';
  }
}
