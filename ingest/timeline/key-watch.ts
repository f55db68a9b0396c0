import { MAX_GROUP_SECONDS } from '#core/media/grouping.ts';
import { millis, type Millis, type WallTime } from '#core/media/time.ts';

import { warnOfLongGop } from './warn.ts';
import type { Warnings } from './warnings.ts';

const MAX_GOP = MAX_GROUP_SECONDS * 1000;
/** Key frames that kept coming in time for this long are trusted. */
const TRUSTED = 10_000;

/** Watches the distance of a source's key frames, and warns where it is too long for groups to start at them. */
export class KeyWatch {
  #lastKey: number | undefined;
  #regularSince: number | undefined;
  #newest = 0;

  /** True once key frames have come in time for ten seconds on end. */
  get regular(): boolean {
    return this.#regularSince !== undefined && this.#newest - this.#regularSince >= TRUSTED;
  }

  /** Takes note of a video frame; on a key frame, returns the time since the one before. */
  observe(media: Millis, key: boolean, warnings: Warnings, now: WallTime): Millis | undefined {
    if (media === this.#lastKey) {
      // The key frame that ends one epoch begins the next: it is seen twice.
      return undefined;
    }
    this.#newest = media;
    const gap = this.#lastKey === undefined ? undefined : media - this.#lastKey;
    if (gap !== undefined && gap > MAX_GOP) {
      this.#regularSince = undefined;
      warnOfLongGop(warnings, now);
    }
    if (this.regular) {
      warnings.clear('source/long-gop');
    }
    if (!key) {
      return undefined;
    }
    this.#lastKey = media;
    this.#regularSince ??= media;
    return gap === undefined ? undefined : millis(gap);
  }
}
