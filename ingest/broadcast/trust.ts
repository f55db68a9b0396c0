import { elapsed, millis, type Millis, type WallTime } from '#core/media/time.ts';

/** How long a main sends without a pause before viewers are given back to it (ADR 0013). */
const STEADY = 5000;
/** As often may that be doubled. */
const MOST_DOUBLINGS = 4;
/** A failure so long after a return has nothing to do with it. */
const RECENT = 60_000;

/**
 * How long a stream's main has to be steady before it is given the viewers back: longer each time that it fails soon after its return, for each change is
 * a discontinuity to viewers.
 */
export class Trust {
  #liveSince: WallTime | undefined;
  #failures = 0;

  get needed(): Millis {
    return millis(STEADY * 2 ** Math.min(this.#failures, MOST_DOUBLINGS));
  }

  /** The main is given the viewers back. */
  returned(now: WallTime): void {
    this.#liveSince = now;
  }

  /** The backup has to take over from the main. */
  failed(now: WallTime): void {
    const isRecent = this.#liveSince !== undefined && elapsed(this.#liveSince, now) < RECENT;
    this.#failures = isRecent ? this.#failures + 1 : 0;
    this.#liveSince = undefined;
  }
}
