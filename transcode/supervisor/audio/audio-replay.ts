import type { Frame } from '#core/media/frame.ts';
import { rescale, ticks, type Ticks } from '#core/media/time.ts';
import type { AudioEncode } from '../../plan/audio.ts';

/** What a new encoder of sound is fed with first, and the pts of the first frame that it gives. */
export type AudioReplay = { readonly frames: readonly Frame[]; readonly first: Ticks };

/**
 * Encoded frames before the first missing one, made and dropped as doubles: the encoder has settled then. RFC 7845,
 * 4.6, has decoders take 80 ms to converge.
 */
const PREROLL_FRAMES = 4;
/** Source frames decoded before the first sample that is used: AAC overlaps its frames by half. */
const OVERLAP_FRAMES = 2;

/**
 * Plans the start of a new encoder of sound. Encoded frames lie on whole multiples of their length on the broadcast's
 * timeline, so every run, epoch and process cuts alike, and a restart continues to the sample.
 *
 * @param history source frames without a hole too long to fill, oldest first.
 * @param end where what was given out ends; undefined before the first frame.
 * @returns undefined where there is nothing to begin with.
 */
export function planAudioReplay(history: readonly Frame[], encode: AudioEncode, end?: Ticks): AudioReplay | undefined {
  const oldest = history[0];
  if (oldest === undefined) {
    return undefined;
  }
  const { config, input } = encode;
  const inOutput = (pts: Ticks): Ticks => rescale(pts, input.timescale, config.timescale);
  const earliest = ticks(Math.ceil(inOutput(oldest.pts) / config.frameDuration) * config.frameDuration);
  const first = ticks(Math.max(earliest, (end ?? earliest) - PREROLL_FRAMES * config.frameDuration));
  const at = history.findLastIndex((frame) => inOutput(frame.pts) <= first);
  return { frames: history.slice(Math.max(0, at - OVERLAP_FRAMES)), first };
}
