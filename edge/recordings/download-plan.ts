import type { ArchivedBroadcast, ArchivedSegment, ArchivedTrack } from '../archive/archive.ts';
import { Cuts } from './cuts.ts';
import { readFragments } from './fragments.ts';
import { movieHead } from './mp4/movie.ts';
import { pace } from './pace.ts';
import { selectForDownload, startOf, type Selection } from './selection.ts';
import { TrackPlan, type Piece } from './track-plan.ts';

/** Where the samples of a segment lie in the file, and which bytes they are. */
export type PlannedSegment = {
  readonly track: ArchivedTrack;
  readonly segment: ArchivedSegment;
  /** In the file. */
  readonly start: number;
  readonly size: number;
  readonly pieces: readonly Piece[];
};

/** A progressive MP4 of which only the head is in memory. */
export type DownloadPlan = {
  readonly head: readonly Uint8Array[];
  readonly headSize: number;
  readonly size: number;
  readonly segments: readonly PlannedSegment[];
  readonly leftOut: Selection['leftOut'];
};

/**
 * Plans the download of a recording: reads the sample tables of its segments and lays them out as one movie, sound and picture side by side.
 *
 * @returns undefined where nothing of it can be played.
 * @throws {MillraceError} `media/malformed`, `recording/gone`.
 */
export async function planDownload(broadcast: ArchivedBroadcast): Promise<DownloadPlan | undefined> {
  const { segments, leftOut } = selectForDownload(broadcast);
  const cuts = new Cuts();
  const plans = { video: new TrackPlan('video', segments), audio: new TrackPlan('audio', segments) };
  const planned: PlannedSegment[] = [];
  const rest = pace();
  let at = 0;
  for (const selected of segments) {
    const { track, segment } = selected;
    const fragments = await readFragments((offset, length) => track.readSlice(segment, offset, length), segment.bytes);
    const pieces = plans[track.kind].add(selected, fragments, cuts.before(startOf(selected)), at);
    const end = fragments.reduce((latest, { samples }) => samples.reduce((last, { pts, duration }) => Math.max(last, pts + duration), latest), 0);
    cuts.shown(end / segment.timescale);
    const size = pieces.reduce((sum, { length }) => sum + length, 0);
    if (size > 0) {
      planned.push({ track, segment, start: at, size, pieces });
      at += size;
    }
    await rest();
  }
  if (planned.length === 0) {
    return undefined;
  }
  const present = new Set(planned.map(({ track }) => track.kind));
  const movieTracks = (['video', 'audio'] as const).flatMap((kind) => (present.has(kind) ? plans[kind].end() : []));
  const { head, size } = movieHead(movieTracks, at, broadcast.facts.startedAt);
  return { head: head.parts, headSize: head.size, size, segments: planned.map((each) => ({ ...each, start: head.size + each.start })), leftOut };
}
