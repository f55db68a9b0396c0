import { VIDEO_TIMESCALE } from '#core/media/time.ts';
import type { SourceTrack } from '#core/bus/catalog.ts';

/** How a rung's frames follow from the source's. */
export type RungRate = {
  readonly frameRate: number;
  /** Ticks of one frame; may be a fraction. */
  readonly frameDuration: number;
  /** Every how-manieth source frame is encoded; 1 all of them. Key frames always are. */
  readonly divisor: number;
  /** Frames per second to convert to, with frames on the whole seconds; only where the source's rate varies. */
  readonly constantRate?: number;
};

/** Rungs from the top that may have more than 30 frames a second. */
const FAST_RUNGS = 2;
const FAST_LIMIT = 64;
const SLOW_LIMIT = 32;

/** The frame rate of the rung at a place in the ladder (0 is the top): the source's, halved until it is allowed there. */
export function rungRate(source: SourceTrack, place: number): RungRate {
  const limit = place < FAST_RUNGS ? FAST_LIMIT : SLOW_LIMIT;
  const rate = source.video?.frameRate ?? 30;
  if (source.video?.variableFrameRate === true || source.config.frameDuration <= 0) {
    const constantRate = rate > 40 && place < FAST_RUNGS ? 60 : 30;
    return { frameRate: constantRate, frameDuration: VIDEO_TIMESCALE / constantRate, divisor: 1, constantRate };
  }
  let divisor = 1;
  while (rate / divisor > limit) {
    divisor *= 2;
  }
  return { frameRate: rate / divisor, frameDuration: source.config.frameDuration * divisor, divisor };
}

/** A rendition's name for viewers: `720p`, `1080p60`. */
export function videoLabel(side: number, frameRate: number): string {
  return frameRate > SLOW_LIMIT ? `${side}p${Math.round(frameRate)}` : `${side}p`;
}
