import { millis } from '#core/media/time.ts';
import type { Millis } from '#core/media/time.ts';

/**
 * Sound may be this late by its timestamps. Those of sound that the server encodes are 80 ms late themselves; in all, ITU-R BT.1359 finds
 * 125 ms to be noticed by viewers.
 */
const soundLate = 50;

/** Picture may be this late: people notice sound that comes first much sooner (45 ms in BT.1359). */
const pictureLate = 30;

/** What is beyond a bound is made up for in a few steps, so that nothing is seen of it; small differences are left alone. */
const share = 0.4;
const dead = 5;

/** So many looks in a row must find it: at the start sound is buffered for too long for some seconds, and single looks are off by some 20 ms. */
const looks = 5;

/** No more than this is asked for. */
const most = 600;

/** What a {@link LipSync} looks at. */
export type LipInput = {
  /** By how much sound is behind the picture now; negative: ahead. Undefined while unknown. */
  readonly late: Millis | undefined;
  /** How long each of the two is kept back now. */
  readonly video: Millis | undefined;
  readonly audio: Millis | undefined;
};

/** How long each of the two is to be kept back at least; zero: as its own jitter asks for. */
export type LipTargets = { readonly video: Millis; readonly audio: Millis };

/**
 * Keeps sound and picture close enough. Browsers make them meet exactly, which delays the picture by all that the sound's path and buffer
 * take longer; here it is delayed only by what is beyond what can be noticed.
 */
export class LipSync {
  #video = 0;
  #audio = 0;
  #late: number[] = [];

  /** Looks at the two, about once a second, and says what to ask for. */
  step({ late, video, audio }: LipInput): LipTargets {
    if (late !== undefined) {
      this.#late = [...this.#late, late].slice(-looks);
      const known = this.#late.length === looks;
      // What has been so at each of the last looks. Sinking needs no more than one.
      const [soundBy, pictureBy] = known ? [Math.min(...this.#late), -Math.max(...this.#late)] : [0, 0];
      this.#video = approach(this.#video, video ?? 0, soundBy - soundLate);
      this.#audio = approach(this.#audio, audio ?? 0, pictureBy - pictureLate);
    }
    return { video: millis(Math.round(this.#video)), audio: millis(Math.round(this.#audio)) };
  }

  /** Another session begins. */
  renew(): void {
    this.#video = 0;
    this.#audio = 0;
    this.#late = [];
  }
}

/** A target that is off by so much, from where the buffer stands now: rising from what is there, sinking from what was asked for. */
function approach(target: number, buffer: number, off: number): number {
  if (Math.abs(off) < dead || (off < 0 && target === 0)) {
    return target;
  }
  const from = off > 0 ? Math.max(target, Math.min(buffer, most)) : target;
  const to = from + off * share;
  return to < dead ? 0 : Math.min(to, most);
}
