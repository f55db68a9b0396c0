import type { ConfigId } from '#core/media/track.ts';

import type { ArchivedBroadcast, ArchivedSegment, ArchivedTrack } from '../archive/archive.ts';
import { Cuts } from './cuts.ts';
import { readFragments, type Fragment } from './fragments.ts';
import { movieHead, type MovieTrack } from './mp4/movie.ts';
import { SampleTables } from './mp4/sample-tables.ts';
import { selectForDownload, startOf, type SelectedSegment, type Selection } from './selection.ts';

/** Where the samples of a segment lie in the file, and which of the segment's bytes they are. */
export type PlannedSegment = {
  readonly track: ArchivedTrack;
  readonly segment: ArchivedSegment;
  /** In the file. */
  readonly start: number;
  readonly size: number;
  /** Offset and length of each stretch in the segment. */
  readonly stretches: readonly number[];
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
  if (segments.length === 0) {
    return undefined;
  }
  const cuts = new Cuts();
  const tracks = new Map<'video' | 'audio', TrackPlan>();
  const planned: { readonly selected: SelectedSegment; readonly at: number; readonly size: number; readonly stretches: readonly number[] }[] = [];
  let at = 0;
  for (const selected of segments) {
    const { track, segment, config } = selected;
    let plan = tracks.get(track.kind);
    if (plan === undefined) {
      plan = new TrackPlan(track.kind, config.timescale);
      tracks.set(track.kind, plan);
    }
    const fragments = await readFragments(sliceReader(track, segment), segment.bytes);
    const size = fragments.reduce((sum, { length }) => sum + length, 0);
    plan.add(selected, fragments, cuts.before(startOf(selected)), at);
    cuts.shown(fragments.reduce((end, { samples }) => samples.reduce((last, { pts, duration }) => Math.max(last, pts + duration), end), 0) / segment.timescale);
    planned.push({ selected, at, size, stretches: stretchesOf(fragments) });
    at += size;
  }
  const movieTracks = (['video', 'audio'] as const).flatMap((kind) => tracks.get(kind)?.end() ?? []);
  const { head, size } = movieHead(movieTracks, at, broadcast.facts.startedAt);
  return {
    head: head.parts,
    headSize: head.size,
    size,
    segments: planned.map(({ selected: { track, segment }, at: offset, size: length, stretches }) => ({ track, segment, start: head.size + offset, size: length, stretches })),
    leftOut,
  };
}

/** One track of the movie, while its segments come. */
class TrackPlan {
  readonly #kind: 'video' | 'audio';
  readonly #timescale: number;
  readonly #tables = new SampleTables();
  readonly #inits = new Map<ConfigId, { readonly entry: number; readonly init: Uint8Array }>();
  #start: number | undefined;
  #lastDuration = 0;

  constructor(kind: 'video' | 'audio', timescale: number) {
    this.#kind = kind;
    this.#timescale = timescale;
  }

  /** Appends the samples of a segment that begins at an offset of the media; `removed` seconds are taken out before it. */
  add({ track, segment }: SelectedSegment, fragments: readonly Fragment[], removed: number, offset: number): void {
    const init = this.#inits.get(segment.config)?.init ?? track.init(segment.config);
    if (init === undefined || fragments.every(({ samples }) => samples.length === 0)) {
      return;
    }
    const entry = this.#inits.get(segment.config)?.entry ?? this.#inits.size + 1;
    this.#inits.set(segment.config, { entry, init });
    const scale = this.#timescale / segment.timescale;
    const shift = Math.round(removed * this.#timescale);
    const onMovie = (ticks: number): number => Math.round(ticks * scale) - shift;
    this.#tables.chunk(offset, entry);
    for (const { samples } of fragments) {
      for (const { dts, pts, duration, size, key } of samples) {
        this.#start ??= onMovie(pts);
        this.#tables.sample({ dts: onMovie(dts), pts: onMovie(pts), size, key });
        this.#lastDuration = Math.round(duration * scale);
      }
    }
  }

  end(): MovieTrack {
    this.#tables.end(this.#lastDuration);
    return { kind: this.#kind, timescale: this.#timescale, inits: [...this.#inits.values()].map(({ init }) => init), tables: this.#tables, start: Math.max(0, this.#start ?? 0) };
  }
}

function sliceReader(track: ArchivedTrack, segment: ArchivedSegment): (offset: number, length: number) => Promise<Uint8Array | undefined> {
  return (offset, length) => track.readSlice(segment, offset, length);
}

/** Offsets and lengths, those in a row as one. */
function stretchesOf(fragments: readonly Fragment[]): number[] {
  const out: number[] = [];
  for (const { offset, length } of fragments) {
    const [lastOffset, lastLength] = [out.at(-2) ?? 0, out.at(-1) ?? 0];
    if (out.length > 0 && lastOffset + lastLength === offset) {
      out[out.length - 1] = lastLength + length;
    } else if (length > 0) {
      out.push(offset, length);
    }
  }
  return out;
}
