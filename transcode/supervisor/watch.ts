import { elapsed, millis, type Millis, type WallTime } from '#core/media/time.ts';

/** What is seen of a run at one moment. */
export type Observation = {
  readonly now: WallTime;
  readonly startedAt: WallTime;
  readonly lastPictureAt: WallTime;
  /** Frames fed since the last picture came out. */
  readonly fedSincePicture: number;
  /** Output behind input, over the slowest rung. */
  readonly lag: Millis;
  /** Media that is decoded only before the first picture can come. */
  readonly prelude: Millis;
};

/** `hung`: fed but silent; `behind`: it cannot encode in real time. */
export type Verdict = 'well' | 'hung' | 'behind';

const HUNG_FRAMES = 30;
const HUNG_AFTER = millis(3000);
const BEHIND_LAG = millis(1000);
const BEHIND_FOR = millis(5000);

/** Judges one run, from its start to its end. */
export class Watch {
  #lateSince: WallTime | undefined;

  /** Takes an observation. After `behind` it counts anew. */
  observe(seen: Observation): Verdict {
    const grace = millis(HUNG_AFTER + (seen.lastPictureAt === seen.startedAt ? seen.prelude : 0));
    if (seen.fedSincePicture >= HUNG_FRAMES && elapsed(seen.lastPictureAt, seen.now) >= grace) {
      return 'hung';
    }
    if (seen.lag <= BEHIND_LAG) {
      this.#lateSince = undefined;
      return 'well';
    }
    this.#lateSince ??= seen.now;
    if (elapsed(this.#lateSince, seen.now) < BEHIND_FOR) {
      return 'well';
    }
    this.#lateSince = undefined;
    return 'behind';
  }
}
