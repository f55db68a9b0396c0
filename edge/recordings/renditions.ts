import type { LadderCatalog } from '#core/bus/catalog.ts';
import type { TrackConfig } from '#core/media/track.ts';

import type { ArchivedBroadcast, ArchivedSegment, ArchivedTrack } from '../archive/archive.ts';
import type { OfferedRendition } from '../llhls/multivariant-playlist.ts';
import { newestConfig } from '../rewind/offered.ts';

/** A rendition is offered where it has so much of what the longest of its kind has; the lost rest of it is listed as such. */
const WHOLE = 0.9;

/** The peak bit rate is that of a row of segments that lasts 0.5 to 1.5 target durations (rfc8216bis, 4.4.6.2), in seconds. */
const PEAK_SPAN = { least: 1, most: 3 };

/** The renditions of a recording: every track that has all of it, in the order of the ladder. */
export function recordedRenditions({ tracks, ladder }: Pick<ArchivedBroadcast, 'tracks' | 'ladder'>): OfferedRendition[] {
  const order = ladder?.renditions.map(({ track }) => track) ?? [];
  const placeOf = ({ track }: ArchivedTrack): number => (order.includes(track) ? order.indexOf(track) : order.length);
  const all = [...tracks.values()].filter(({ segments }) => segments.length > 0).sort((a, b) => placeOf(a) - placeOf(b));
  const longest = (kind: string): number => Math.max(...all.filter((track) => track.kind === kind).map(secondsIn));
  return all.flatMap((track) => (secondsIn(track) < WHOLE * longest(track.kind) ? [] : (recordedRendition(track, ladder) ?? [])));
}

/** What players are told of a track: the configuration of its newest segment, the bit rates that its segments have. */
export function recordedRendition(track: ArchivedTrack, ladder: LadderCatalog | undefined): OfferedRendition | undefined {
  const config = newestConfig(track);
  if (config === undefined) {
    return undefined;
  }
  const named = ladder?.renditions.find((rendition) => rendition.track === track.track);
  const frameRate = named?.frameRate ?? (config.kind === 'video' && config.frameDuration > 0 ? config.timescale / config.frameDuration : undefined);
  return { track: track.track, label: named?.label ?? labelOf(config), config, ...(frameRate === undefined ? {} : { frameRate }), ...bitRates(track.segments) };
}

/** EXTINF is rounded, and players compute with it. */
const MARGIN = 1.001;

/** Seconds of media that a track has. */
export function secondsIn({ segments }: Pick<ArchivedTrack, 'segments'>): number {
  return segments.reduce((sum, { ticks, timescale }) => sum + ticks / timescale, 0);
}

function labelOf(config: TrackConfig): string {
  return config.kind === 'video' ? `${config.height}p` : 'Audio';
}

function bitRates(segments: readonly ArchivedSegment[]): { readonly bandwidth: number; readonly averageBandwidth: number } {
  const bytes = segments.reduce((sum, segment) => sum + segment.bytes, 0);
  const averageBandwidth = Math.ceil((8 * bytes) / Math.max(0.001, secondsIn({ segments })));
  return { bandwidth: Math.max(averageBandwidth, Math.ceil(MARGIN * peak(segments))), averageBandwidth };
}

function peak(segments: readonly ArchivedSegment[]): number {
  let highest = 0;
  for (let from = 0; from < segments.length; from++) {
    let [bits, seconds] = [0, 0];
    for (let to = from; to < segments.length && seconds <= PEAK_SPAN.most; to++) {
      const { bytes, ticks, timescale } = segments[to] as ArchivedSegment;
      bits += 8 * bytes;
      seconds += ticks / timescale;
      if (seconds >= PEAK_SPAN.least && seconds <= PEAK_SPAN.most) {
        highest = Math.max(highest, bits / seconds);
      }
    }
  }
  return highest;
}
