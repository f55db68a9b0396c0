import type { ConfigId } from '#core/media/track.ts';

import type { ArchivedBroadcast, ArchivedSegment, ArchivedTrack } from '../archive/archive.ts';

/** Segments of a track with numbers in a row and one configuration. */
export type PeriodTrack = { readonly track: ArchivedTrack; readonly config: ConfigId; readonly segments: readonly ArchivedSegment[] };

/** A stretch of the recording that one DASH period can tell of. */
export type VodPeriod = {
  readonly epoch: number;
  readonly tracks: readonly PeriodTrack[];
  /** Seconds on the broadcast's timeline. */
  readonly from: number;
  readonly to: number;
};

/** Sound begins and ends so far beside the picture, in seconds: a frame or two. */
const BESIDE = 0.25;

type Draft = { readonly epoch: number; lastGroup: number; readonly tracks: Map<ArchivedTrack, { readonly config: ConfigId; readonly segments: ArchivedSegment[] }> };

/**
 * Cuts a recording into periods: at each epoch, where a configuration changes, and behind groups that were lost, since `$Number$` has no way to leave one
 * out that all players know (DASH 5th edition's `S@n` is new).
 */
export function vodPeriods(broadcast: Pick<ArchivedBroadcast, 'tracks'>): VodPeriod[] {
  const tracks = [...broadcast.tracks.values()];
  const groups = [...new Set(tracks.flatMap(({ segments }) => segments.map(({ group }) => group)))].sort((a, b) => a - b);
  const periods: VodPeriod[] = [];
  let draft: Draft | undefined;
  for (const group of groups) {
    const present = tracks.flatMap((track) => {
      const segment = track.segmentOf(group);
      return segment === undefined ? [] : [{ track, segment }];
    });
    const epoch = present[0]?.segment.epoch ?? 0;
    if (draft === undefined || !continues(draft, epoch, group, present)) {
      if (draft !== undefined) {
        periods.push(finished(draft));
      }
      draft = { epoch, lastGroup: group, tracks: new Map() };
    }
    draft.lastGroup = group;
    for (const { track, segment } of present) {
      const known = draft.tracks.get(track);
      if (known === undefined) {
        draft.tracks.set(track, { config: segment.config, segments: [segment] });
      } else {
        known.segments.push(segment);
      }
    }
  }
  const all = draft === undefined ? periods : [...periods, finished(draft)];
  // Inside of an epoch time goes on, whether or not something of it was lost.
  return all.map((period, index) => {
    const next = all[index + 1];
    return next?.epoch === period.epoch ? { ...period, to: next.from } : period;
  });
}

/** A track may begin late in a period and end early; it cannot come back or change its configuration. */
function continues(draft: Draft, epoch: number, group: number, present: readonly { readonly track: ArchivedTrack; readonly segment: ArchivedSegment }[]): boolean {
  return (
    draft.epoch === epoch &&
    group === draft.lastGroup + 1 &&
    present.every(({ track, segment }) => {
      const known = draft.tracks.get(track);
      return known === undefined || (known.config === segment.config && known.segments.at(-1)?.group === group - 1);
    })
  );
}

function finished({ epoch, tracks }: Draft): VodPeriod {
  const all = [...tracks].map(([track, { config, segments }]) => ({ track, config, segments }));
  const span = (kind: 'video' | 'audio'): { readonly from: number; readonly to: number } => {
    const own = all.filter(({ track }) => track.kind === kind);
    return { from: Math.min(...own.map(({ segments }) => startOf(segments[0]))), to: Math.max(...own.map(({ segments }) => endOf(segments.at(-1)))) };
  };
  const [video, audio] = [span('video'), span('audio')];
  return {
    epoch,
    tracks: all,
    from: video.from - audio.from < BESIDE ? video.from : audio.from,
    to: audio.to - video.to < BESIDE ? video.to : audio.to,
  };
}

function startOf(segment: ArchivedSegment | undefined): number {
  return segment === undefined ? Infinity : segment.pts / segment.timescale;
}

function endOf(segment: ArchivedSegment | undefined): number {
  return segment === undefined ? -Infinity : (segment.pts + segment.ticks) / segment.timescale;
}
