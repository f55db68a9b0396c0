import type { ArchiveHealth } from '#core/bus/catalog.ts';
import { millis, ticksToMillis, type Millis, type WallTime } from '#core/media/time.ts';

import type { KeptTrack } from './kept-track.ts';
import type { Troubles } from './trouble.ts';

/** What health is made of. */
export type HealthFacts = {
  readonly tracks: readonly KeptTrack[];
  /** As set. */
  readonly rewind: Millis;
  /** Whether it is written. */
  readonly isOn: boolean;
  readonly isRecording: boolean;
  readonly bytes: number;
  readonly troubles: Troubles;
};

/** How the archive of a broadcast does. How far back viewers can go is what is there, up to what is set. */
export function archiveHealth({ tracks, rewind, isOn, isRecording, bytes, troubles }: HealthFacts, now: WallTime): ArchiveHealth {
  const { off } = troubles;
  return {
    rewind: isOn ? millis(Math.min(rewind, spanOf(tracks))) : millis(0),
    ...(rewind > 0 && off !== undefined ? { rewindOff: off.message } : {}),
    recording: isRecording && isOn,
    bytes,
    warnings: troubles.warnings(now),
  };
}

/** From the start of the oldest segment to the start of the newest, over all tracks. */
function spanOf(tracks: readonly KeptTrack[]): number {
  const ends = tracks.flatMap(({ segments: [first], newest }) => (first === undefined || newest === undefined ? [] : [first, newest]));
  const starts = ends.map(({ pts, timescale }) => ticksToMillis(pts, timescale));
  return starts.length === 0 ? 0 : Math.max(...starts) - Math.min(...starts);
}
