import { elapsed, type WallTime } from '#core/media/time.ts';

/** Seconds-old snapshots that a rate is taken over. */
const SNAPSHOTS = 4;

/** Measures a publisher's bit rate and frame rate over the last three seconds, by arrival. */
export class Meter {
  #bytes = 0;
  #frames = 0;
  #snapshots: { readonly at: WallTime; readonly bytes: number; readonly frames: number }[];

  constructor(now: WallTime) {
    this.#snapshots = [{ at: now, bytes: 0, frames: 0 }];
  }

  count(bytes: number, isVideo: boolean): void {
    this.#bytes += bytes;
    if (isVideo) {
      this.#frames += 1;
    }
  }

  /** The rates up to now; called about once a second. */
  read(now: WallTime): { readonly bitrate: number; readonly frameRate: number } {
    this.#snapshots.push({ at: now, bytes: this.#bytes, frames: this.#frames });
    if (this.#snapshots.length > SNAPSHOTS) {
      this.#snapshots.shift();
    }
    const first = this.#snapshots[0];
    const span = first ? elapsed(first.at, now) : 0;
    if (!first || span <= 0) {
      return { bitrate: 0, frameRate: 0 };
    }
    return {
      bitrate: Math.round(((this.#bytes - first.bytes) * 8000) / span),
      frameRate: Math.round(((this.#frames - first.frames) * 100_000) / span) / 100,
    };
  }
}
