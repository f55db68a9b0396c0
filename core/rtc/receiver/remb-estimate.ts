import { millis, type Millis } from '../../media/time.ts';

const LEAST = 150_000;
/** What is told before anything is known. */
const START = 1_500_000;
const MOST = 50_000_000;
/** Loss below this is not the path's limit; above the other it is (draft-ietf-rmcat-gcc-02, 6). */
const LITTLE_LOSS = 0.02;
const MUCH_LOSS = 0.1;
const GROWTH_PER_SECOND = 1.25;
/** A sender may send so much more than it does now: it does not fill what it is given at once. */
const HEADROOM = 2;

/**
 * The most that a publisher without transport-wide feedback should send (REMB), by loss alone. A fallback: browsers estimate
 * by themselves, and encoders of a fixed rate do not listen.
 */
export class RembEstimate {
  #bitrate = START;
  #at: Millis | undefined;

  /** The estimate after another while. `loss`: 0 to 1 since the last call; `received`: bits per second. */
  update(loss: number, received: number, now: Millis): number {
    const passed = millis(Math.min(2000, now - (this.#at ?? now)));
    this.#at = now;
    if (loss > MUCH_LOSS) {
      this.#bitrate *= 1 - 0.5 * loss;
    } else if (loss < LITTLE_LOSS) {
      const grown = this.#bitrate * GROWTH_PER_SECOND ** (passed / 1000);
      this.#bitrate = Math.max(this.#bitrate, Math.min(grown, Math.max(START, received * HEADROOM)));
    }
    this.#bitrate = Math.min(MOST, Math.max(LEAST, this.#bitrate));
    return Math.round(this.#bitrate);
  }
}
