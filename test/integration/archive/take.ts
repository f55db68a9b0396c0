import { createHash } from 'node:crypto';

import type { BroadcastInfo } from '#core/bus/catalog.ts';
import { broadcastId, type Frame } from '#core/media/frame.ts';
import { ticks, wallTime, type Ticks, type Timescale } from '#core/media/time.ts';
import type { TrackName } from '#core/media/track.ts';
import type { ArchiveConfig } from '#edge/archive/settings.ts';
import { packageFrames, type PackagedTrack } from '#test/integration/cmaf/packaged.ts';
import { loadTracks } from '#test/vectors/load.ts';

/** Seconds and groups from one take to the next; a take has 12 s and less than ten groups. */
const SECONDS = 20;
const GROUPS = 100;

const START = wallTime(1_790_000_000_000);

/** The broadcast of which there are takes. */
export const info: BroadcastInfo = { stream: 'show', broadcast: broadcastId('killed123'), epoch: 0, state: 'live', startedAt: START };

/** Settings of an archive in a folder. */
export function archiveConfig(dataDir: string, change: Partial<ArchiveConfig> = {}): ArchiveConfig {
  return {
    dataDir,
    streams: [],
    rewindWindow: 7200,
    rewindMaxMegabytes: 1000,
    recording: true,
    recordingDays: 0,
    recordingGigabytes: 10,
    archiveMinFreeMegabytes: 0,
    ...change,
  };
}

/** The recorded broadcast once more, as the given epoch of ours: 12 s of three tracks. */
export function takeOf(epoch: number): ReadonlyMap<TrackName, readonly Frame[]> {
  const takes = new Map<TrackName, readonly Frame[]>();
  for (const [track, frames] of loadTracks('source-30')) {
    const timescale = frames[0]?.head?.config.timescale ?? (0 as Timescale);
    const shift = (time: Ticks): Ticks => ticks(time + epoch * SECONDS * timescale);
    takes.set(
      track,
      frames.map(({ head, ...frame }) => ({
        ...frame,
        broadcast: info.broadcast,
        epoch,
        group: frame.group + epoch * GROUPS,
        pts: shift(frame.pts),
        dts: shift(frame.dts),
        ...(head === undefined ? {} : { head: { ...head, wallTime: wallTime(head.wallTime + epoch * SECONDS * 1000) } }),
      })),
    );
  }
  return takes;
}

/** What live viewers get of a take. */
export function packagedTake(epoch: number): readonly PackagedTrack[] {
  return [...takeOf(epoch)].map(([track, frames]) => packageFrames(track, track, frames));
}

/** The bytes of each segment of a track, by group. */
export function segmentsOf({ segments }: PackagedTrack): ReadonlyMap<number, Buffer> {
  return new Map(segments.map(({ group, parts }) => [group, Buffer.concat(parts.map(({ bytes }) => bytes))]));
}

/** A short name of bytes. */
export function hashOf(bytes: Uint8Array | undefined): string {
  return bytes === undefined ? 'gone' : createHash('sha256').update(bytes).digest('hex').slice(0, 16);
}
