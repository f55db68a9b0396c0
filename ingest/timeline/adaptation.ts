import { millis, type Millis } from '#core/media/time.ts';
import type { VideoConfig } from '#core/media/track.ts';

import type { VideoSourceConfig } from '../source.ts';

/**
 * A source that grew beyond what its epoch was planned on gets a new epoch once its size has held for this long. Browsers come up
 * in several steps, a second or two apart: they make one epoch together.
 */
const SETTLED = 3000;

/**
 * What a source that follows the network may change without a new epoch: the size of its picture, in each layer. Encoders and
 * WebRTC viewers take that at a key frame; for a viewer over HLS, whose picture is encoded, nothing changes.
 */
export class Adaptation {
  /** What the epoch was planned on, best layer first; undefined for a place that it left empty. */
  readonly #planned: readonly (VideoConfig | undefined)[];
  #isLarger = false;
  #largerSince: Millis | undefined;

  constructor(planned: readonly (VideoConfig | undefined)[]) {
    this.#planned = planned;
  }

  /** Tells whether the epoch can go on with these configurations, best layer first: as many, of the same codec and profile, of the same orientation. */
  admits(configs: readonly VideoSourceConfig[]): boolean {
    const best = configs[0];
    return (
      configs.length === this.#planned.length &&
      configs.every((config, at) => {
        const planned = this.#planned[at];
        return planned === undefined ? config === best : kindOf(config) === kindOf(planned) && orientationsOf(config).some((one) => orientationsOf(planned).includes(one));
      })
    );
  }

  /** The epoch goes on with these. */
  take(configs: readonly VideoSourceConfig[]): void {
    this.#isLarger = configs.some(({ width, height }, at) => {
      const planned = this.#planned[at];
      return planned !== undefined && (Math.max(width, height) > Math.max(planned.width, planned.height) || Math.min(width, height) > Math.min(planned.width, planned.height));
    });
    this.#largerSince = undefined;
  }

  /** Takes note of a key frame of the video; true where it is time for an epoch that is planned on the larger size. */
  outgrown(media: Millis): boolean {
    if (!this.#isLarger) {
      return false;
    }
    this.#largerSince ??= media;
    return media - this.#largerSince >= millis(SETTLED);
  }
}

/** Codec and profile: all of a codec string but the level, which follows from the size. */
function kindOf({ codec, codecString }: VideoSourceConfig): string {
  if (codec === 'h264') {
    // RFC 6381, 3.3: avc1.PPCCLL.
    return codecString.slice(0, -2).toLowerCase();
  }
  // vp09.PP.LL.DD and av01.P.LLT.DD; of VP8 there is one.
  return codecString
    .split('.')
    .filter((_field, at) => at !== 2)
    .join('.');
}

/** A square is both. */
function orientationsOf({ width, height }: VideoSourceConfig): readonly string[] {
  return [...(width >= height ? ['landscape'] : []), ...(height >= width ? ['portrait'] : [])];
}
