import { parseAvcC } from '#core/media/codecs/h264/avcc.ts';
import { joinLengthPrefixed } from '#core/media/codecs/h264/nal-unit.ts';
import type { ConfigId, TrackConfig } from '#core/media/track.ts';

import type { Fragment } from './fragments.ts';
import type { MovieTrack } from './mp4/movie.ts';
import { SampleTables } from './mp4/sample-tables.ts';
import type { SelectedSegment } from './selection.ts';

/** A stretch of a segment's bytes, or bytes that no segment has. */
export type Piece = { readonly offset: number; readonly length: number } | Uint8Array;

type Known = { readonly entry: number; readonly init: Uint8Array; readonly parameterSets: Uint8Array | undefined };

/** One track of the download, while its segments come. */
export class TrackPlan {
  readonly #kind: 'video' | 'audio';
  readonly #timescale: number;
  readonly #changes: boolean;
  readonly #tables = new SampleTables();
  readonly #known = new Map<ConfigId, Known>();
  #start: number | undefined;
  #lastDuration = 0;

  /** @param of - All that will be added. */
  constructor(kind: 'video' | 'audio', of: readonly SelectedSegment[]) {
    const own = of.filter(({ track }) => track.kind === kind);
    this.#kind = kind;
    this.#timescale = own[0]?.config.timescale ?? 1;
    this.#changes = own.some(({ segment }) => segment.config !== own[0]?.segment.config);
  }

  /**
   * Appends the samples of a segment as a chunk that begins at an offset of the media.
   *
   * @param removed - Seconds taken out before it.
   * @returns the chunk's bytes; none where the segment cannot be played.
   */
  add({ track, segment, config }: SelectedSegment, fragments: readonly Fragment[], removed: number, offset: number): readonly Piece[] {
    const known = this.#known.get(segment.config) ?? this.#introduce(segment.config, config, track.init(segment.config));
    if (known === undefined || fragments.every(({ samples }) => samples.length === 0)) {
      return [];
    }
    const scale = this.#timescale / segment.timescale;
    const shift = Math.round(removed * this.#timescale);
    const onMovie = (ticks: number): number => Math.round(ticks * scale) - shift;
    const { entry, parameterSets } = known;
    const pieces: Piece[] = [];
    this.#tables.chunk(offset, entry);
    for (const fragment of fragments) {
      let at = fragment.offset;
      for (const { dts, pts, duration, size, key } of fragment.samples) {
        this.#start ??= onMovie(pts);
        const before = key ? parameterSets : undefined;
        this.#tables.sample({ dts: onMovie(dts), pts: onMovie(pts), size: size + (before?.length ?? 0), key });
        this.#lastDuration = Math.round(duration * scale);
        if (before !== undefined) {
          pieces.push(before);
        }
        append(pieces, at, size);
        at += size;
      }
    }
    return pieces;
  }

  /** No further segment will come. */
  end(): MovieTrack {
    this.#tables.end(this.#lastDuration);
    return { kind: this.#kind, timescale: this.#timescale, inits: [...this.#known.values()].map(({ init }) => init), tables: this.#tables, start: Math.max(0, this.#start ?? 0) };
  }

  #introduce(id: ConfigId, config: TrackConfig, init: Uint8Array | undefined): Known | undefined {
    if (init === undefined) {
      return undefined;
    }
    const known = { entry: this.#known.size + 1, init, parameterSets: this.#changes ? parameterSetsOf(config) : undefined };
    this.#known.set(id, known);
    return known;
  }
}

/**
 * The parameter sets of a picture as NAL units with their lengths. Chromium reads those of the first sample entry only, as many players do: where there are several,
 * they stand in front of each key frame too, so that it finds its own after a seek in either direction. (ISO/IEC 14496-15, 5.3.3.1 wants them in the sample entry, where they are as well.)
 */
function parameterSetsOf(config: TrackConfig): Uint8Array | undefined {
  if (config.codec !== 'h264') {
    return undefined;
  }
  const { sps, pps } = parseAvcC(config.description);
  return joinLengthPrefixed([...sps, ...pps]);
}

function append(pieces: Piece[], offset: number, length: number): void {
  const last = pieces.at(-1);
  if (last === undefined || last instanceof Uint8Array || last.offset + last.length !== offset) {
    pieces.push({ offset, length });
  } else {
    pieces[pieces.length - 1] = { offset: last.offset, length: last.length + length };
  }
}
