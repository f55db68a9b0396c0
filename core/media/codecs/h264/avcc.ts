import { MillraceError } from '../../../runtime/errors.ts';
import { VIDEO_TIMESCALE } from '../../time.ts';
import type { VideoConfig } from '../../track.ts';
import { NAL_PPS, NAL_SPS, nalType, type LengthSize } from './nal-unit.ts';
import { h264CodecString, parseSps, type Sps } from './sps.ts';

/** An `AVCDecoderConfigurationRecord` (ISO/IEC 14496-15, 5.3.3.1) taken apart. Parameter sets are NAL units with header. */
export type AvcC = {
  readonly lengthSize: LengthSize;
  readonly sps: readonly Uint8Array[];
  readonly pps: readonly Uint8Array[];
};

/** Profiles without the trailing chroma fields (5.3.3.1.2). */
const BASIC_PROFILES = new Set([66, 77, 88]);

/**
 * Parses the payload of `avcC`, as MP4 and an FLV sequence header carry it. Parameter sets are copies.
 *
 *     configurationVersion = 1        8
 *     AVCProfileIndication            8
 *     profile_compatibility           8
 *     AVCLevelIndication              8
 *     '111111', lengthSizeMinusOne    6 + 2
 *     '111', numOfSPS                 3 + 5    then each: length 16, NAL unit
 *     numOfPPS                        8        then each: length 16, NAL unit
 *
 * @throws {MillraceError} `media/malformed` or `media/truncated`.
 */
export function parseAvcC(record: Uint8Array): AvcC {
  if (record.length < 7) {
    throw new MillraceError('media/truncated', 'avcC is shorter than 7 bytes');
  }
  if (record[0] !== 1) {
    throw new MillraceError('media/malformed', `avcC version ${record[0]} is not 1`);
  }
  const lengthSize = ((record[4] ?? 0) & 3) + 1;
  if (lengthSize === 3) {
    throw new MillraceError('media/malformed', 'avcC lengthSizeMinusOne is 2');
  }
  const sps = readSets(record, 6, (record[5] ?? 0) & 0x1f, NAL_SPS);
  if (sps.end >= record.length) {
    throw new MillraceError('media/truncated', 'avcC ends before its picture parameter sets');
  }
  const pps = readSets(record, sps.end + 1, record[sps.end] ?? 0, NAL_PPS);
  return { lengthSize: lengthSize as LengthSize, sps: sps.units, pps: pps.units };
}

/**
 * Builds the payload of `avcC` with 4-byte NAL unit lengths.
 *
 * @throws {MillraceError} `media/malformed` where a set is missing or the first SPS cannot be read.
 */
export function buildAvcC(sets: { readonly sps: readonly Uint8Array[]; readonly pps: readonly Uint8Array[] }): Uint8Array {
  const first = sets.sps[0];
  if (first === undefined || sets.pps.length === 0 || sets.sps.length > 31 || sets.pps.length > 255) {
    throw new MillraceError('media/malformed', 'avcC needs 1 to 31 sequence and 1 to 255 picture parameter sets');
  }
  const sps = parseSps(first);
  const bytes = [1, sps.profileIdc, sps.constraints, sps.levelIdc, 0xff, 0xe0 | sets.sps.length];
  for (const unit of sets.sps) {
    bytes.push(unit.length >> 8, unit.length & 0xff, ...unit);
  }
  bytes.push(sets.pps.length);
  for (const unit of sets.pps) {
    bytes.push(unit.length >> 8, unit.length & 0xff, ...unit);
  }
  if (!BASIC_PROFILES.has(sps.profileIdc)) {
    bytes.push(0xfc | sps.chromaFormatIdc, 0xf8 | (sps.bitDepthLuma - 8), 0xf8 | (sps.bitDepthChroma - 8), 0);
  }
  return Uint8Array.from(bytes);
}

/**
 * The decoder configuration that parameter sets make, with its first SPS parsed. `description` is written anew, so equal
 * sets make equal bytes whatever record they came in.
 *
 * @throws {MillraceError} `media/malformed` or `media/truncated`.
 */
export function h264Config(sets: Pick<AvcC, 'sps' | 'pps'>): { readonly config: Omit<VideoConfig, 'frameDuration' | 'reordered'>; readonly sps: Sps } {
  const description = buildAvcC(sets);
  const sps = parseSps(sets.sps[0] ?? new Uint8Array());
  return {
    config: { kind: 'video', codec: 'h264', codecString: h264CodecString(sps), description, width: sps.width, height: sps.height, timescale: VIDEO_TIMESCALE },
    sps,
  };
}

function readSets(record: Uint8Array, start: number, count: number, type: number): { readonly units: Uint8Array[]; readonly end: number } {
  const units: Uint8Array[] = [];
  let at = start;
  for (let i = 0; i < count; i += 1) {
    const end = at + 2 + (((record[at] ?? 0) << 8) | (record[at + 1] ?? 0));
    if (end > record.length || at + 2 > record.length) {
      throw new MillraceError('media/truncated', 'avcC parameter set past the end');
    }
    const unit = record.slice(at + 2, end);
    if (nalType(unit) !== type) {
      throw new MillraceError('media/malformed', `avcC holds NAL unit type ${nalType(unit)} where ${type} belongs`);
    }
    units.push(unit);
    at = end;
  }
  return { units, end: at };
}
