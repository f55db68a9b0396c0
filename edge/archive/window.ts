import type { Millis } from '#core/media/time.ts';

import type { KeptTrack, Volume } from './kept-track.ts';

/** Bounds of a rewind window. */
export type WindowBounds = { readonly rewind: Millis; readonly maxBytes: number };

/** A volume of a track. */
export type TrackVolume = { readonly track: KeptTrack; readonly volume: Volume };

/** Volumes that left a rewind window, oldest first: by time, then by bytes. `isCurrent` tells of those that grow. */
export function outsideWindow(tracks: readonly KeptTrack[], { rewind, maxBytes }: WindowBounds, isCurrent: (entry: TrackVolume) => boolean): TrackVolume[] {
  const all = tracks.flatMap((track) => [...track.volumes.values()].map((volume) => ({ track, volume }))).toSorted((a, b) => endOf(a) - endOf(b));
  const newest = Math.max(0, ...all.map(endOf));
  let bytes = tracks.reduce((sum, track) => sum + track.bytes, 0);
  return all.filter((entry) => {
    const isOut = endOf(entry) < newest - rewind || (bytes > maxBytes && !isCurrent(entry)) || (entry.volume.until === undefined && !isCurrent(entry));
    bytes -= isOut ? (entry.volume.finishedBytes ?? entry.volume.end) : 0;
    return isOut;
  });
}

function endOf({ volume }: TrackVolume): number {
  return volume.until ?? -1;
}
