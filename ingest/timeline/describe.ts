import type { SourceTrack } from '#core/bus/catalog.ts';
import type { Grouping } from '#core/media/grouping.ts';
import { trackName, type AudioConfig, type VideoConfig } from '#core/media/track.ts';

import type { EpochGrant } from './grant.ts';
import type { SourceAnalysis } from './hold.ts';
import type { Kind } from './source-clock.ts';

/** What is told of an epoch when it begins. */
export type EpochStart = {
  readonly grant: EpochGrant;
  readonly grouping: Grouping;
  readonly tracks: readonly SourceTrack[];
  readonly encoder?: string;
};

/** The facts of an epoch for the catalog. */
export function describeEpoch(facts: {
  readonly grant: EpochGrant;
  readonly grouping: Grouping;
  readonly video: VideoConfig | undefined;
  /** Simulcast layers below the video, best first; undefined where a place is empty. */
  readonly layers: readonly (VideoConfig | undefined)[];
  readonly audio: AudioConfig | undefined;
  readonly analysis: SourceAnalysis;
  /** Bits per second of a track; 0 where unknown. */
  readonly bitrate: (kind: Kind, layer: number) => number;
  readonly encoder: string | undefined;
}): EpochStart {
  const { grant, grouping, video, layers, audio, analysis, bitrate, encoder } = facts;
  const tracks: SourceTrack[] = [];
  if (video) {
    const rates = {
      frameRate: analysis.frameRate,
      variableFrameRate: analysis.rate === undefined,
      bFrames: analysis.reordered,
      ...(analysis.gop === undefined ? {} : { gopSeconds: analysis.gop / 1000 }),
    };
    tracks.push({ name: trackName('video'), config: video, bitrate: bitrate('video', 0), video: rates });
    layers.forEach((config, at) => {
      const layer = at + 1;
      if (config) {
        tracks.push({ name: trackName(`video-${layer}`), config, bitrate: bitrate('video', layer), layer, video: rates });
      }
    });
  }
  if (audio) {
    tracks.push({ name: trackName('audio'), config: audio, bitrate: bitrate('audio', 0) });
  }
  return { grant, grouping, tracks, ...(encoder === undefined ? {} : { encoder }) };
}
