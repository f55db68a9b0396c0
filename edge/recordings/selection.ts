import type { TrackConfig } from '#core/media/track.ts';

import type { ArchivedBroadcast, ArchivedSegment, ArchivedTrack } from '../archive/archive.ts';

/** A segment of the download, with what it is played with. */
export type SelectedSegment = { readonly track: ArchivedTrack; readonly segment: ArchivedSegment; readonly config: TrackConfig };

/** What of a recording goes into one file. */
export type Selection = {
  /** In the order in which they lie in the file: by their time, picture before sound. */
  readonly segments: readonly SelectedSegment[];
  /** Seconds of picture and sound left out because their codec is another than that of most of the recording. */
  readonly leftOut: Readonly<Record<'video' | 'audio', number>>;
};

/** A track may lack this much of an epoch and still count as having it. */
const WHOLE = 0.9;

/**
 * Chooses the best picture and the sound of each epoch: of the renditions that have (nearly) all of it the one with most pixels, then with most bytes. One file holds
 * one codec of each kind: that of which there is most, and of sounds as long AAC, which more players know.
 */
export function selectForDownload(broadcast: Pick<ArchivedBroadcast, 'tracks'>): Selection {
  const video = selectKind(broadcast, 'video');
  const audio = selectKind(broadcast, 'audio');
  const segments = [...video.segments, ...audio.segments].sort((a, b) => startOf(a) - startOf(b) || (a.track.kind === 'video' ? -1 : 1));
  return { segments, leftOut: { video: video.leftOut, audio: audio.leftOut } };
}

/** When a segment begins, in seconds on the broadcast's timeline. */
export function startOf({ segment }: SelectedSegment): number {
  return segment.pts / segment.timescale;
}

type Candidate = { readonly segments: readonly SelectedSegment[]; readonly seconds: number; readonly bytes: number; readonly pixels: number };

function selectKind(broadcast: Pick<ArchivedBroadcast, 'tracks'>, kind: 'video' | 'audio'): { readonly segments: readonly SelectedSegment[]; readonly leftOut: number } {
  const all = [...broadcast.tracks.values()].filter((track) => track.kind === kind).flatMap(playable);
  const codec = codecOfMost(all);
  const chosen: SelectedSegment[] = [];
  let leftOut = 0;
  for (const ofEpoch of Map.groupBy(all, ({ segment }) => segment.epoch).values()) {
    const candidates = [...Map.groupBy(ofEpoch.filter(({ config }) => config.codec === codec), ({ track }) => track).values()].map(candidate);
    const longest = Math.max(0, ...candidates.map(({ seconds }) => seconds));
    const whole = candidates.filter(({ seconds }) => seconds >= WHOLE * longest);
    const best = whole.reduce<Candidate | undefined>((a, b) => (a === undefined || b.pixels > a.pixels || (b.pixels === a.pixels && b.bytes > a.bytes) ? b : a), undefined);
    chosen.push(...(best?.segments ?? []));
    leftOut += best === undefined ? Math.max(0, ...[...Map.groupBy(ofEpoch, ({ track }) => track).values()].map((segments) => candidate(segments).seconds)) : 0;
  }
  return { segments: chosen, leftOut };
}

function playable(track: ArchivedTrack): SelectedSegment[] {
  return track.segments.flatMap((segment) => {
    const config = track.config(segment.config);
    return config === undefined || segment.ticks <= 0 ? [] : [{ track, segment, config }];
  });
}

function codecOfMost(all: readonly SelectedSegment[]): string | undefined {
  const seconds = new Map<string, number>();
  for (const [codec, segments] of Map.groupBy(all, ({ config }) => config.codec)) {
    const longest = Math.max(...[...Map.groupBy(segments, ({ track }) => track).values()].map((ofTrack) => candidate(ofTrack).seconds));
    seconds.set(codec, longest);
  }
  const most = Math.max(0, ...seconds.values());
  return (seconds.get('aac') ?? 0) >= WHOLE * most && seconds.has('aac') ? 'aac' : [...seconds].find(([, value]) => value === most)?.[0];
}

function candidate(segments: readonly SelectedSegment[]): Candidate {
  return {
    segments,
    seconds: segments.reduce((sum, { segment }) => sum + segment.ticks / segment.timescale, 0),
    bytes: segments.reduce((sum, { segment }) => sum + segment.bytes, 0),
    pixels: Math.max(0, ...segments.map(({ config }) => (config.kind === 'video' ? config.width * config.height : 0))),
  };
}
