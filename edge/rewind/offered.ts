import type { Rendition } from '#core/bus/catalog.ts';
import type { TrackConfig } from '#core/media/track.ts';

import type { ArchivedBroadcast, ArchivedTrack } from '../archive/archive.ts';
import type { OfferedRendition } from '../llhls/multivariant-playlist.ts';

/** The renditions of a kept broadcast's newest ladder that something was kept of, with the configuration that their newest segment has. */
export function offeredRenditions(broadcast: ArchivedBroadcast): (Rendition & OfferedRendition)[] {
  const { ladder, tracks } = broadcast;
  return (ladder?.renditions ?? []).flatMap((rendition) => {
    const config = newestConfig(tracks.get(rendition.track));
    return rendition.faces.includes('hls') && config !== undefined ? [{ ...rendition, config }] : [];
  });
}

/** The configuration of a track's newest segment. */
export function newestConfig(track: ArchivedTrack | undefined): TrackConfig | undefined {
  const last = track?.segments.at(-1);
  return last && track?.config(last.config);
}
