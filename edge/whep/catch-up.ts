import { elapsed, later, millis, type WallTime } from '#core/media/time.ts';

/** Behind by less than this a track is live: encoders lag by 50 to 150 ms. */
const LIVE = millis(150);

/** A track that was live is behind again when it lags by so much: its encoder was started anew. */
const BEHIND = millis(1000);

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
  #slowWindows = 0;
  #mark: { readonly at: WallTime; readonly seconds: number } | undefined;

  get isCatchingUp(): boolean {
    return this.#isCatchingUp ?? false;
  }

  /** A frame of presentation time `seconds` came at `now`. `capture`: when its group's first frame left the camera. */
  add(seconds: number, capture: { readonly wallTime: WallTime; readonly seconds: number }, now: WallTime): void {
    const captured = later(capture.wallTime, millis((seconds - capture.seconds) * 1000));
    const age = elapsed(captured, now);
    if (age < LIVE || (this.#isCatchingUp === false && age < BEHIND)) {
      this.#isCatchingUp = false;
      this.#mark = undefined;
      this.#slowWindows = 0;
      return;
    }
    this.#isCatchingUp ??= true;
    this.#mark ??= { at: now, seconds };
    const passed = elapsed(this.#mark.at, now);
    if (passed >= WINDOW) {
      this.#slowWindows = (seconds - this.#mark.seconds) * 1000 > FAST * passed ? 0 : this.#slowWindows + 1;
      this.#isCatchingUp = this.#slowWindows < SLOW_WINDOWS;
      this.#mark = { at: now, seconds };
    }
  }
}
