import { elapsed, later, millis, type Millis, type WallTime } from '#core/media/time.ts';

/** Behind by less than this a track is live: encoders lag by 50 to 150 ms. */
const LIVE = millis(150);

/** A frame that is later than the one before it by so much was held back, and others behind it: an epoch that was being judged, a publisher's stall, an encoder that was started anew. */
const HELD_BACK = millis(500);

/** Time over which the media's speed is measured. */
const WINDOW = millis(200);

/** So often in a row it must be no faster: an encoder gives out a first frame, then nothing for a while, then seconds at once. */
const SLOW_WINDOWS = 3;

/** Media that come so much faster than they were captured are being caught up with. */
const FAST = 1.3;

/**
 * Tells whether a track is behind its source and coming nearer, as the first seconds of an encoder are that began with what came
 * before. A constant distance is none: it is a slow encoder, or another machine's clock.
 */
export class CatchUp {
  #isCatchingUp: boolean | undefined;
  #age = millis(0);
  #slowWindows = 0;
  #mark: { readonly at: WallTime; readonly seconds: number } | undefined;

  get isCatchingUp(): boolean {
    return this.#isCatchingUp ?? false;
  }

  /** A frame of presentation time `seconds` came at `now`. `capture`: when its group's first frame left the camera. */
  add(seconds: number, capture: { readonly wallTime: WallTime; readonly seconds: number }, now: WallTime): void {
    const captured = later(capture.wallTime, millis((seconds - capture.seconds) * 1000));
    const age = elapsed(captured, now);
    if (this.#isLive(age)) {
      this.#isCatchingUp = false;
      this.#mark = undefined;
    } else {
      this.#measure(seconds, now);
    }
    this.#age = age;
  }

  #isLive(age: Millis): boolean {
    return age < LIVE || (this.#isCatchingUp === false && age - this.#age < HELD_BACK);
  }

  #measure(seconds: number, now: WallTime): void {
    this.#isCatchingUp = true;
    if (this.#mark === undefined) {
      this.#mark = { at: now, seconds };
      this.#slowWindows = 0;
    }
    const passed = elapsed(this.#mark.at, now);
    if (passed >= WINDOW) {
      this.#slowWindows = (seconds - this.#mark.seconds) * 1000 > FAST * passed ? 0 : this.#slowWindows + 1;
      this.#isCatchingUp = this.#slowWindows < SLOW_WINDOWS;
      this.#mark = { at: now, seconds };
    }
  }
}
