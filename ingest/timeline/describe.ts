import type { SourceTrack } from '#core/bus/catalog.ts';
import type { Grouping } from '#core/media/grouping.ts';
import { trackName, type AudioConfig, type VideoConfig } from '#core/media/track.ts';

import type { EpochGrant } from './grant.ts';
import type { Hold, SourceAnalysis } from './hold.ts';

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
  readonly audio: AudioConfig | undefined;
  readonly analysis: SourceAnalysis;
  readonly hold: Pick<Hold, 'bitrate'>;
  readonly encoder: string | undefined;
}): EpochStart {
  const { grant, grouping, video, audio, analysis, hold, encoder } = facts;
  const tracks: SourceTrack[] = [];
  if (video) {
    tracks.push({
      name: trackName('video'),
      config: video,
      bitrate: hold.bitrate('video'),
      video: {
        frameRate: analysis.frameRate,
        variableFrameRate: analysis.rate === undefined,
        bFrames: analysis.reordered,
        ...(analysis.gop === undefined ? {} : { gopSeconds: analysis.gop / 1000 }),
      },
    });
  }
  if (audio) {
    tracks.push({ name: trackName('audio'), config: audio, bitrate: hold.bitrate('audio') });
  }
  return { grant, grouping, tracks, ...(encoder === undefined ? {} : { encoder }) };
}
