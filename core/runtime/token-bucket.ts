import { elapsed, type Clock, type WallTime } from '../media/time.ts';

/** Lets a number of things through at once, and so many a second in the long run. */
export class TokenBucket {
  readonly #clock: Clock;
  readonly #burst: number;
  readonly #perSecond: number;
  #tokens: number;
  #at: WallTime;

  constructor({ clock, burst, perSecond }: { readonly clock: Clock; readonly burst: number; readonly perSecond: number }) {
    this.#clock = clock;
    this.#burst = burst;
    this.#perSecond = perSecond;
    this.#tokens = burst;
    this.#at = clock();
  }

  /** Takes a token; false where there is none. */
  take(): boolean {
    const now = this.#clock();
    // A clock that was set back gives nothing, and takes nothing.
    const gained = (Math.max(0, elapsed(this.#at, now)) * this.#perSecond) / 1000;
    this.#at = now;
    this.#tokens = Math.min(this.#burst, this.#tokens + gained);
    if (this.#tokens < 1) {
      return false;
    }
    this.#tokens -= 1;
    return true;
  }
}
