import { ticks, type Millis, type Ticks, type Timescale } from '#core/media/time.ts';

/** A timestamp further from its place than this is a hole in the sound, or sound that was sent twice. */
const HOLE = 100;
/** Where timestamps stray from the count of samples by more than this on average, the count follows them. */
const DRIFT = 20;
/** Frames over which the average forgets: some encoders stamp sound when they get to it, and stray by a frame or two. */
const MEMORY = 16;

/**
 * Gives an epoch's audio frames their times, in samples: each frame follows its predecessor to the sample, however
 * the protocol rounded. Holes stay holes; sound that comes faster than time passes loses a frame now and then.
 */
export class AudioStamps {
  readonly #scale: Timescale;
  readonly #frame: number;
  #next: number | undefined;
  readonly #floor: number;
  #drift = 0;
  #dropped = 0;

  /** @param floor First time that may be used. `frame`: samples per frame. */
  constructor(scale: Timescale, frame: number, floor: Ticks) {
    this.#scale = scale;
    this.#frame = frame;
    this.#floor = floor;
  }

  /** Frames dropped because there was no time left for them. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Time of the next frame; undefined where it has to be dropped. `at`: its time on the broadcast's timeline, as received. */
  stamp(at: Millis): Ticks | undefined {
    const received = (at * this.#scale) / 1000;
    if (this.#next === undefined) {
      // Half a millisecond may be the protocol's rounding; more is sound from before the epoch.
      if (received < this.#floor - this.#scale / 1000) {
        return undefined;
      }
      return this.#take(Math.max(this.#floor, Math.round(received)));
    }
    const error = received - this.#next;
    const hole = (HOLE * this.#scale) / 1000;
    if (error > hole) {
      this.#drift = 0;
      return this.#take(Math.round(received));
    }
    this.#drift += (Math.max(error, -hole) - this.#drift) / MEMORY;
    const limit = (DRIFT * this.#scale) / 1000;
    if (error < -hole || this.#drift < -Math.max(limit, this.#frame)) {
      this.#drift = Math.min(0, this.#drift + this.#frame);
      this.#dropped += 1;
      return undefined;
    }
    const step = this.#drift > limit ? Math.round(this.#drift) : 0;
    this.#drift -= step;
    return this.#take(this.#next + step);
  }

  #take(at: number): Ticks {
    this.#next = at + this.#frame;
    return ticks(at);
  }
}
