import { elapsed, millis, type Millis, type WallTime } from '#core/media/time.ts';

const FIRST = millis(500);
const LONGEST = millis(8000);
/** A run that lasted so long was a good one: the next fault counts as the first. */
const STABLE = millis(30_000);

/** How long to wait before each restart: not at all the first time, then 0.5 s, doubling up to 8 s. */
export class Backoff {
  #faults = 0;

  /** The wait before the restart that a fault calls for. */
  after(startedAt: WallTime, now: WallTime): Millis {
    if (elapsed(startedAt, now) >= STABLE) {
      this.#faults = 0;
    }
    this.#faults += 1;
    return this.#faults === 1 ? millis(0) : millis(Math.min(LONGEST, FIRST * 2 ** (this.#faults - 2)));
  }
}
