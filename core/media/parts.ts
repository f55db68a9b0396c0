import type { Millis } from './time.ts';
import type { TrackConfig } from './track.ts';

/** What a part lasts where frames could be divided at will. */
export const IDEAL_PART_MILLIS = 200 as Millis;

/**
 * Frames in a full part of a track, at least one (ADR 0001, rule 6).
 *
 * Video: in each part but the last of a segment, the whole number of frames whose duration is nearest to 200 ms. Where the
 * frame rate varies, the grid of 30 frames a second is assumed. Audio: at most, because its parts follow the 200 ms of the group,
 * not a count: as many as it takes to reach 200 ms.
 */
export function framesPerPart(config: TrackConfig): number {
  const frames = (IDEAL_PART_MILLIS / 1000) * framesPerSecond(config);
  return Math.max(1, config.kind === 'audio' ? Math.ceil(frames - 1e-6) : Math.round(frames));
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
