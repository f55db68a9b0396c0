import { ascii, u16, u32, zeros } from '#core/media/containers/fmp4/box.ts';
import { requireBox, readBoxes } from '#core/media/containers/fmp4/read-boxes.ts';

import { boxOf, fullBoxOf, pieces, u64, type Pieces } from './pieces.ts';
import type { SampleTables } from './sample-tables.ts';

/** Ticks per second of the movie itself: edits and durations of tracks. */
export const MOVIE_TIMESCALE = 90_000;

const UNITY_MATRIX = u32(0x0001_0000, 0, 0, 0, 0x0001_0000, 0, 0, 0, 0x4000_0000);
/** ISO 639-2 `und`, three 5-bit letters less 0x60. */
const LANGUAGE_UND = 0x55c4;
/** Seconds from 1904 to 1970: times in MP4 count from there. */
const EPOCH_1904 = 2_082_844_800;

/** A track of the movie. */
export type MovieTrack = {
  readonly kind: 'video' | 'audio';
  /** Ticks per second of its samples. */
  readonly timescale: number;
  /** Init segments of its decoder configurations, in the order in which the chunks of `tables` number them. */
  readonly inits: readonly Uint8Array[];
  readonly tables: SampleTables;
  /** When its first sample is shown, in ticks of the track. */
  readonly start: number;
};

/** What stands before the media, and how long the whole file is. */
export type MovieHead = { readonly head: Pieces; readonly size: number };

/**
 * The head of a progressive MP4 (ISO/IEC 14496-12): `ftyp`, `moov` and the header of the `mdat` behind them. Chunk offsets and sizes have 64 bits where the file
 * is 4 GiB or more.
 *
 * @param mediaSize - Bytes in `mdat`.
 * @param createdAt - Milliseconds since the Unix epoch.
 */
export function movieHead(tracks: readonly MovieTrack[], mediaSize: number, createdAt: number): MovieHead {
  // 2 GiB stay for the tables: they would have to hold a week.
  const large = mediaSize >= 0x8000_0000;
  const created = Math.round(createdAt / 1000) + EPOCH_1904;
  const traks = tracks.map((track, index) => ({ track, ...trak(track, index + 1, created, large) }));
  const duration = Math.max(0, ...traks.map((each) => each.duration));
  const moov = boxOf('moov', mvhd(duration, created, tracks.length + 1), ...traks.map(({ box }) => box));
  const mdat = large ? pieces(u32(1), ascii('mdat'), u64(mediaSize + 16)) : pieces(u32(mediaSize + 8), ascii('mdat'));
  const head = pieces(ftyp(), moov, mdat);
  traks.forEach(({ track, chunkOffsets }) => track.tables.place(chunkOffsets, head.size, large));
  return { head, size: head.size + mediaSize };
}

/** FileTypeBox: `isom`, and AVC in it; signed composition offsets need `iso4`. */
function ftyp(): Pieces {
  return boxOf('ftyp', ascii('isom'), u32(0x200), ascii('isomiso4avc1mp41'));
}

function mvhd(duration: number, created: number, nextTrack: number): Pieces {
  return fullBoxOf(
    'mvhd', 1, 0,
    u64(created, created),
    u32(MOVIE_TIMESCALE),
    u64(duration),
    u32(0x0001_0000), // rate 1.0
    u16(0x0100), // volume 1.0
    zeros(10),
    UNITY_MATRIX,
    zeros(24), // pre_defined
    u32(nextTrack),
  );
}

function trak(track: MovieTrack, id: number, created: number, large: boolean): { readonly box: Pieces; readonly chunkOffsets: Uint8Array; readonly duration: number } {
  const { tables, timescale } = track;
  const toMovie = (value: number): number => Math.round((value * MOVIE_TIMESCALE) / timescale);
  const pause = toMovie(track.start);
  const shown = toMovie(tables.duration);
  const { box: stbl, chunkOffsets } = tables.stbl(track.inits.map(sampleEntryOf), large);
  const mediaHeader = track.kind === 'video' ? fullBoxOf('vmhd', 0, 1, zeros(8)) : fullBoxOf('smhd', 0, 0, zeros(4));
  const dinf = boxOf('dinf', fullBoxOf('dref', 0, 0, u32(1), fullBoxOf('url ', 0, 1)));
  const mdia = boxOf('mdia', mdhd(timescale, tables.duration, created), hdlr(track.kind), boxOf('minf', mediaHeader, dinf, stbl));
  const isPlain = pause === 0 && tables.firstOffset === 0;
  return {
    box: boxOf('trak', tkhd(track, id, pause + shown, created), ...(isPlain ? [] : [edts(pause, shown, tables.firstOffset)]), mdia),
    chunkOffsets,
    duration: pause + shown,
  };
}

/** TrackHeaderBox: enabled, in the movie, in the preview; the picture's size is that of its first configuration, as its init segment says. */
function tkhd({ kind, inits }: MovieTrack, id: number, duration: number, created: number): Pieces {
  const isVideo = kind === 'video';
  return fullBoxOf(
    'tkhd', 1, 0x7,
    u64(created, created),
    u32(id, 0),
    u64(duration),
    zeros(8),
    u16(0, 0, isVideo ? 0 : 0x0100, 0), // layer, alternate_group, volume, reserved
    UNITY_MATRIX,
    requireBox(readBoxes(inits[0] ?? new Uint8Array(0)), 'moov/trak/tkhd').payload.subarray(-8),
  );
}

/** EditBox: a pause until the track begins, then all of it from where its first sample is shown. */
function edts(pause: number, shown: number, mediaTime: number): Pieces {
  const edits = [
    ...(pause > 0 ? [{ duration: pause, time: undefined }] : []),
    { duration: shown, time: mediaTime },
  ].map(({ duration, time }) => pieces(u64(duration), time === undefined ? u32(0xffff_ffff, 0xffff_ffff) : u64(time), u16(1, 0)));
  return boxOf('edts', fullBoxOf('elst', 1, 0, u32(edits.length), ...edits));
}

function mdhd(timescale: number, duration: number, created: number): Pieces {
  return fullBoxOf('mdhd', 1, 0, u64(created, created), u32(timescale), u64(duration), u16(LANGUAGE_UND, 0));
}

function hdlr(kind: 'video' | 'audio'): Pieces {
  return fullBoxOf('hdlr', 0, 0, u32(0), ascii(kind === 'video' ? 'vide' : 'soun'), zeros(12), zeros(1));
}

/** The sample entry of an init segment. */
function sampleEntryOf(init: Uint8Array): Uint8Array {
  // stsd: version and flags, the number of entries (1), the entry.
  return requireBox(readBoxes(init), 'moov/trak/mdia/minf/stbl/stsd').payload.subarray(8);
}
