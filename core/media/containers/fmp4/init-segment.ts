import { MillraceError } from '../../../runtime/errors.ts';
import type { TrackConfig } from '../../track.ts';
import { ascii, box, fullBox, u16, u32, zeros } from './box.ts';
import { pixelAspectOf, type PixelAspect } from './pixel-aspect.ts';
import { avc1, mp4a, opus } from './sample-entries.ts';

/** The one track of every file: init segments and chunks of one track, as CMAF wants them (ISO/IEC 23000-19, 7.3.1). */
export const TRACK_ID = 1;

/** Brands of our files (ISO/IEC 23000-19, 7.2): CMAF with and without signed composition offsets, on `iso6` boxes. */
const MAJOR_BRAND = 'cmf2';
const COMPATIBLE_BRANDS = ['iso6', 'cmfc', 'cmf2'] as const;

const UNITY_MATRIX = u32(0x0001_0000, 0, 0, 0, 0x0001_0000, 0, 0, 0, 0x4000_0000);
/** ISO 639-2 `und`, three 5-bit letters less 0x60. */
const LANGUAGE_UND = 0x55c4;

/**
 * A CMAF header (ISO/IEC 23000-19, 7.3.2): `ftyp` and `moov` of one track, without samples.
 *
 * @throws {MillraceError} `media/unsupported` for a codec that has no sample entry here.
 */
export function initSegment(config: TrackConfig): Uint8Array {
  const file = [ftyp(), moov(config)];
  const out = new Uint8Array(file.reduce((sum, piece) => sum + piece.length, 0));
  file.reduce((at, piece) => (out.set(piece, at), at + piece.length), 0);
  return out;
}

/** FileTypeBox (ISO/IEC 14496-12, 4.3). */
export function ftyp(): Uint8Array {
  return box('ftyp', ascii(MAJOR_BRAND), u32(0), ...COMPATIBLE_BRANDS.map(ascii));
}

/** MovieBox of one track. */
export function moov(config: TrackConfig): Uint8Array {
  return box('moov', mvhd(config), trak(config, pixelAspectOf(config)), box('mvex', trex()));
}

/** MovieHeaderBox; the duration is 0, as in every movie whose samples are in fragments. */
function mvhd(config: TrackConfig): Uint8Array {
  return fullBox(
    'mvhd', 0, 0,
    u32(0, 0, config.timescale, 0), // creation, modification, timescale, duration
    u32(0x0001_0000), // rate 1.0
    u16(0x0100), // volume 1.0
    zeros(10),
    UNITY_MATRIX,
    zeros(24), // pre_defined
    u32(TRACK_ID + 1), // next_track_ID
  );
}

function trak(config: TrackConfig, aspect: PixelAspect): Uint8Array {
  return box('trak', tkhd(config, aspect), mdia(config, aspect));
}

/** TrackHeaderBox: enabled, in the movie, in the preview. Width and height are those of the shown picture. */
function tkhd(config: TrackConfig, aspect: PixelAspect): Uint8Array {
  const isVideo = config.kind === 'video';
  return fullBox(
    'tkhd', 0, 0x7,
    u32(0, 0, TRACK_ID, 0, 0), // creation, modification, track_ID, reserved, duration
    zeros(8),
    u16(0, 0, isVideo ? 0 : 0x0100, 0), // layer, alternate_group, volume, reserved
    UNITY_MATRIX,
    isVideo ? u32(Math.round((config.width * 0x1_0000 * aspect.horizontal) / aspect.vertical), config.height * 0x1_0000) : u32(0, 0),
  );
}

function mdia(config: TrackConfig, aspect: PixelAspect): Uint8Array {
  return box('mdia', mdhd(config), hdlr(config.kind === 'video' ? 'vide' : 'soun'), minf(config, aspect));
}

/** MediaHeaderBox: the track's timescale. */
function mdhd(config: TrackConfig): Uint8Array {
  return fullBox('mdhd', 0, 0, u32(0, 0, config.timescale, 0), u16(LANGUAGE_UND, 0));
}

/** HandlerBox with an empty name. */
function hdlr(handler: 'vide' | 'soun'): Uint8Array {
  return fullBox('hdlr', 0, 0, u32(0), ascii(handler), zeros(12), zeros(1));
}

function minf(config: TrackConfig, aspect: PixelAspect): Uint8Array {
  const mediaHeader = config.kind === 'video' ? fullBox('vmhd', 0, 1, zeros(8)) : fullBox('smhd', 0, 0, zeros(4));
  return box('minf', mediaHeader, dinf(), stbl(config, aspect));
}

/** DataInformationBox: the media is in this very file. */
function dinf(): Uint8Array {
  return box('dinf', fullBox('dref', 0, 0, u32(1), fullBox('url ', 0, 1)));
}

/** SampleTableBox: the sample entry and tables without samples. */
function stbl(config: TrackConfig, aspect: PixelAspect): Uint8Array {
  return box(
    'stbl',
    fullBox('stsd', 0, 0, u32(1), sampleEntry(config, aspect)),
    fullBox('stts', 0, 0, u32(0)),
    fullBox('stsc', 0, 0, u32(0)),
    fullBox('stsz', 0, 0, u32(0, 0)),
    fullBox('stco', 0, 0, u32(0)),
  );
}

function sampleEntry(config: TrackConfig, aspect: PixelAspect): Uint8Array {
  switch (config.codec) {
    case 'h264':
      return avc1(config, aspect);
    case 'aac':
      return mp4a(config);
    case 'opus':
      return opus(config);
    default:
      throw new MillraceError('media/unsupported', `No MP4 sample entry is written for ${config.codec}.`, { details: { codec: config.codec } });
  }
}

/** TrackExtendsBox. The defaults stay empty: each fragment states its own in `tfhd`. */
function trex(): Uint8Array {
  return fullBox('trex', 0, 0, u32(TRACK_ID, 1, 0, 0, 0));
}
