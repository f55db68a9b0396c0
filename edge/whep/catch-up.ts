import { elapsed, later, millis, type WallTime } from '#core/media/time.ts';

/** A frame that left the camera less than this ago is live: encoders lag by 50 to 150 ms, and clocks of two machines differ a little. */
const LIVE = millis(700);

/** Time over which the media's speed is measured. */
const WINDOW = millis(250);

/** Media that come so much faster than they were captured are being caught up with. */
const FAST = 1.3;

/**
 * Tells whether a track is behind its source and coming nearer, as the first seconds of an encoder are that began with what came
 * before. A constant distance is none: it is a slow encoder, or another machine's clock.
 */
export class CatchUp {
  #isCatchingUp = false;
  #mark: { readonly at: WallTime; readonly seconds: number } | undefined;

  get isCatchingUp(): boolean {
    return this.#isCatchingUp;
  }

  /** A frame of presentation time `seconds` came at `now`. `capture`: when its group's first frame left the camera. */
  add(seconds: number, capture: { readonly wallTime: WallTime; readonly seconds: number }, now: WallTime): void {
    const captured = later(capture.wallTime, millis((seconds - capture.seconds) * 1000));
    if (elapsed(captured, now) < LIVE) {
      this.#isCatchingUp = false;
      this.#mark = undefined;
      return;
    }
    this.#isCatchingUp ||= this.#mark === undefined;
    this.#mark ??= { at: now, seconds };
    const passed = elapsed(this.#mark.at, now);
    if (passed >= WINDOW) {
      this.#isCatchingUp = (seconds - this.#mark.seconds) * 1000 > FAST * passed;
      this.#mark = { at: now, seconds };
    }
  }
}
