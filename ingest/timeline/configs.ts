import { VIDEO_TIMESCALE } from '#core/media/time.ts';
import type { VideoConfig } from '#core/media/track.ts';

import type { SourceConfig, VideoSourceConfig } from '../source.ts';
import { frameTicks } from './frame-rate.ts';
import type { SourceAnalysis } from './hold.ts';

/** Tells configurations apart by their content. */
export function keyOf(config: SourceConfig): string {
  return JSON.stringify({ ...config, description: config.description.toHex() });
}

/** The same for several, in their order. */
export function keysOf(configs: readonly SourceConfig[]): string {
  return configs.map(keyOf).join('|');
}

/** A picture's configuration with what its timestamps told. */
export function videoConfig(config: VideoSourceConfig, analysis: SourceAnalysis): VideoConfig {
  return {
    ...config,
    timescale: VIDEO_TIMESCALE,
    frameDuration: analysis.rate ? frameTicks(analysis.rate) : 0,
    reordered: analysis.reordered,
  };
}
