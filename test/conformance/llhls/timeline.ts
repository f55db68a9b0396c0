import type { PartTag, SegmentTags } from '#test/support/m3u8/playlist.ts';
import { resolve, type RenditionHistory } from './observation.ts';

/** All that was ever listed of one segment. */
export type KnownSegment = {
  readonly msn: number;
  readonly discontinuitySequence: number;
  readonly mapUrl: string | undefined;
  /** Undefined where only parts of it were seen. */
  readonly url: string | undefined;
  readonly duration: number | undefined;
  readonly gap: boolean;
  readonly programDateTime: number | undefined;
  readonly parts: readonly (PartTag & { readonly url: string })[];
  /** PART-TARGET of the playlists that listed its parts. */
  readonly partTarget: number | undefined;
  /** True where the list of its parts is known from the first to the last. */
  readonly partsWhole: boolean;
};

/** Puts the snapshots of a rendition together: one entry for each media sequence number, in order. */
export function timelineOf(history: RenditionHistory): readonly KnownSegment[] {
  const known = new Map<number, KnownSegment>();
  for (const { playlist } of history.snapshots) {
    for (const segment of playlist.segments) {
      known.set(segment.msn, merged(known.get(segment.msn), segment, history.url, playlist.partTarget));
    }
  }
  return [...known.values()].sort((a, b) => a.msn - b.msn);
}

function merged(before: KnownSegment | undefined, now: SegmentTags, base: string, partTarget: number | undefined): KnownSegment {
  const parts = now.parts.map((part) => ({ ...part, url: resolve(base, part.uri) }));
  // Part tags of old segments are removed: what was known of them stays.
  const longer = before !== undefined && before.parts.length > parts.length ? before.parts : parts;
  return {
    msn: now.msn,
    discontinuitySequence: now.discontinuitySequence,
    mapUrl: now.map === undefined ? before?.mapUrl : resolve(base, now.map.uri),
    url: now.uri === undefined ? before?.url : resolve(base, now.uri),
    duration: now.duration ?? before?.duration,
    gap: now.gap || (before?.gap ?? false),
    programDateTime: now.programDateTime ?? before?.programDateTime,
    parts: longer,
    partTarget: parts.length > 0 ? partTarget : before?.partTarget,
    partsWhole: (before?.partsWhole ?? false) || (now.uri !== undefined && parts.length > 0),
  };
}
