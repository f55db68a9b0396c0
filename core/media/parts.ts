import type { Millis } from './time.ts';
import type { TrackConfig } from './track.ts';

/** What a part lasts where frames could be divided at will. */
export const IDEAL_PART_MILLIS = 200 as Millis;

/**
 * Frames in each part of a track but the last of a segment: the whole number of frames whose duration is nearest to
 * 200 ms, at least one (ADR 0001, rule 6). Where the frame rate varies, the grid of 30 frames a second is assumed.
 */
export function framesPerPart(config: TrackConfig): number {
  return Math.max(1, Math.round((IDEAL_PART_MILLIS / 1000) * framesPerSecond(config)));
}

/** Duration of a full part of a track. */
export function partDuration(config: TrackConfig): Millis {
  return ((framesPerPart(config) * 1000) / framesPerSecond(config)) as Millis;
}

/** PART-TARGET of a set of renditions: their longest full part, rounded up to a millisecond. */
export function partTarget(configs: readonly TrackConfig[]): Millis {
  const longest = Math.max(...configs.map(partDuration), 0);
  // A part of 200.2 ms is 201; 200.00000001 (a rounding error) is 200.
  return Math.ceil(longest - 1e-6) as Millis;
}

function framesPerSecond(config: TrackConfig): number {
  return config.frameDuration > 0 ? config.timescale / config.frameDuration : 30;
}
