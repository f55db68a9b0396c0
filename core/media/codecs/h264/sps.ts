import { MillraceError } from '../../../runtime/errors.ts';
import { BitReader } from '../bit-reader.ts';
import { NAL_SPS, nalType, unescapeRbsp } from './nal-unit.ts';

/** A sequence parameter set (H.264, 7.3.2.1.1) as far as a packager and a planner need it. */
export type Sps = {
  readonly profileIdc: number;
  /** The byte of `constraint_set` flags. */
  readonly constraints: number;
  readonly levelIdc: number;
  readonly id: number;
  readonly chromaFormatIdc: number;
  readonly bitDepthLuma: number;
  readonly bitDepthChroma: number;
  /** Display size in pixels, cropping applied. */
  readonly width: number;
  readonly height: number;
  readonly interlaced: boolean;
  /** `sar_width` / `sar_height`; 1 where absent. */
  readonly sampleAspectRatio: number;
  /** Frames per second from the VUI's timing; undefined where it is absent. A claim, often wrong. */
  readonly frameRate?: number;
  readonly fixedFrameRate: boolean;
  /**
   * Frames that may precede a frame in decoding order and follow it in output order (`max_num_reorder_frames`), or what
   * follows from profile and picture order count; undefined where nothing tells.
   */
  readonly numReorderFrames?: number;
};

type Vui = Pick<Sps, 'sampleAspectRatio' | 'fixedFrameRate'> & { frameRate?: number; numReorderFrames?: number };

/** Profiles whose SPS carries the chroma format (7.3.2.1.1). */
const HIGH_PROFILES = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135]);

/** Table E-1, `aspect_ratio_idc` from 0. */
const ASPECT_RATIOS = [1, 1, 12 / 11, 10 / 11, 16 / 11, 40 / 33, 24 / 11, 20 / 11, 32 / 11, 80 / 33, 18 / 11, 15 / 11, 64 / 33, 160 / 99, 4 / 3, 3 / 2, 2];

const EXTENDED_SAR = 255;
/** Level 6.2 allows 139,264 macroblocks a frame and sqrt(8 * that) a side (A.3.1). */
const MAX_MACROBLOCKS = 139_264;
const MAX_SIDE = 1056;

/**
 * Parses a sequence parameter set.
 *
 * @param nal the NAL unit with its header, emulation prevention inside.
 * @throws {MillraceError} `media/malformed` or `media/truncated`.
 */
export function parseSps(nal: Uint8Array): Sps {
  if (nalType(nal) !== NAL_SPS) {
    throw new MillraceError('media/malformed', `NAL unit type ${nalType(nal)} is not a sequence parameter set`);
  }
  const reader = new BitReader(unescapeRbsp(nal.subarray(1)));
  const profileIdc = reader.bits(8);
  const constraints = reader.bits(8);
  const levelIdc = reader.bits(8);
  const id = reader.ue(31);
  const chroma = HIGH_PROFILES.has(profileIdc) ? readChroma(reader) : { chromaFormatIdc: 1, separate: false, bitDepthLuma: 8, bitDepthChroma: 8 };

  reader.ue(12); // log2_max_frame_num_minus4
  const pocType = reader.ue(2);
  skipPictureOrderCount(reader, pocType);
  reader.ue(16); // max_num_ref_frames
  reader.skip(1); // gaps_in_frame_num_value_allowed_flag

  const widthInMbs = reader.ue(MAX_SIDE - 1) + 1;
  const heightInMapUnits = reader.ue(MAX_SIDE - 1) + 1;
  const frameMbsOnly = reader.flag();
  if (!frameMbsOnly) {
    reader.skip(1); // mb_adaptive_frame_field_flag
  }
  reader.skip(1); // direct_8x8_inference_flag
  const heightInMbs = heightInMapUnits * (frameMbsOnly ? 1 : 2);
  if (widthInMbs * heightInMbs > MAX_MACROBLOCKS) {
    throw new MillraceError('media/malformed', `picture of ${widthInMbs} by ${heightInMbs} macroblocks is above every level`);
  }
  const crop = reader.flag() ? { left: reader.ue(), right: reader.ue(), top: reader.ue(), bottom: reader.ue() } : { left: 0, right: 0, top: 0, bottom: 0 };
  // Equations 7-19 to 7-22: the unit is a chroma sample, and a field's line counts twice.
  const arrayType = chroma.separate ? 0 : chroma.chromaFormatIdc;
  const unitX = arrayType === 1 || arrayType === 2 ? 2 : 1;
  const unitY = (arrayType === 1 ? 2 : 1) * (frameMbsOnly ? 1 : 2);
  const width = widthInMbs * 16 - unitX * (crop.left + crop.right);
  const height = heightInMbs * 16 - unitY * (crop.top + crop.bottom);
  if (width <= 0 || height <= 0) {
    throw new MillraceError('media/malformed', 'cropping leaves no picture');
  }
  const vui: Vui = reader.left > 0 && reader.flag() ? readVui(reader) : { sampleAspectRatio: 1, fixedFrameRate: false };
  // Without B slices (Baseline) and with output in decoding order (POC type 2) nothing is ever reordered.
  const numReorderFrames = vui.numReorderFrames ?? (profileIdc === 66 || pocType === 2 ? 0 : undefined);
  return {
    profileIdc,
    constraints,
    levelIdc,
    id,
    chromaFormatIdc: chroma.chromaFormatIdc,
    bitDepthLuma: chroma.bitDepthLuma,
    bitDepthChroma: chroma.bitDepthChroma,
    width,
    height,
    interlaced: !frameMbsOnly,
    ...vui,
    ...(numReorderFrames === undefined ? {} : { numReorderFrames }),
  };
}

/** RFC 6381 codec string of a sequence parameter set: `avc1.` with profile, constraints and level in hexadecimal. */
export function h264CodecString(sps: Pick<Sps, 'profileIdc' | 'constraints' | 'levelIdc'>): string {
  return `avc1.${[sps.profileIdc, sps.constraints, sps.levelIdc].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}

function readChroma(reader: BitReader): { chromaFormatIdc: number; separate: boolean; bitDepthLuma: number; bitDepthChroma: number } {
  const chromaFormatIdc = reader.ue(3);
  const separate = chromaFormatIdc === 3 && reader.flag();
  const bitDepthLuma = 8 + reader.ue(6);
  const bitDepthChroma = 8 + reader.ue(6);
  reader.skip(1); // qpprime_y_zero_transform_bypass_flag
  if (reader.flag()) {
    const lists = chromaFormatIdc === 3 ? 12 : 8;
    for (let list = 0; list < lists; list += 1) {
      if (reader.flag()) {
        skipScalingList(reader, list < 6 ? 16 : 64);
      }
    }
  }
  return { chromaFormatIdc, separate, bitDepthLuma, bitDepthChroma };
}

/** 7.3.2.1.1.1 */
function skipScalingList(reader: BitReader, size: number): void {
  let last = 8;
  let next = 8;
  for (let i = 0; i < size; i += 1) {
    if (next !== 0) {
      next = (last + reader.se() + 256) % 256;
    }
    last = next === 0 ? last : next;
  }
}

function skipPictureOrderCount(reader: BitReader, type: number): void {
  if (type === 0) {
    reader.ue(12); // log2_max_pic_order_cnt_lsb_minus4
  } else if (type === 1) {
    reader.skip(1); // delta_pic_order_always_zero_flag
    reader.se();
    reader.se();
    const cycle = reader.ue(255);
    for (let i = 0; i < cycle; i += 1) {
      reader.se();
    }
  }
}

/** E.1.1. Encoders in use truncate it: what is there is used, the rest is as if absent. */
function readVui(reader: BitReader): Vui {
  const vui: { -readonly [K in keyof Vui]: Vui[K] } = { sampleAspectRatio: 1, fixedFrameRate: false };
  try {
    readVuiInto(reader, vui);
  } catch (error) {
    if (!(error instanceof MillraceError)) {
      throw error;
    }
  }
  return vui;
}

function readVuiInto(reader: BitReader, vui: { -readonly [K in keyof Vui]: Vui[K] }): void {
  if (reader.flag()) {
    const idc = reader.bits(8);
    if (idc === EXTENDED_SAR) {
      const width = reader.bits(16);
      const height = reader.bits(16);
      vui.sampleAspectRatio = width > 0 && height > 0 ? width / height : 1;
    } else {
      vui.sampleAspectRatio = ASPECT_RATIOS[idc] ?? 1;
    }
  }
  if (reader.flag()) {
    reader.skip(1); // overscan_appropriate_flag
  }
  if (reader.flag()) {
    reader.skip(4); // video_format, video_full_range_flag
    if (reader.flag()) {
      reader.skip(24); // colour primaries, transfer, matrix
    }
  }
  if (reader.flag()) {
    reader.ue(5);
    reader.ue(5);
  }
  if (reader.flag()) {
    const unitsInTick = reader.bits(32);
    const timeScale = reader.bits(32);
    vui.fixedFrameRate = reader.flag();
    if (unitsInTick > 0 && timeScale > 0) {
      // A tick is a field's time (E.2.1), so a frame lasts two.
      vui.frameRate = timeScale / (2 * unitsInTick);
    }
  }
  const nalHrd = reader.flag();
  if (nalHrd) {
    skipHrd(reader);
  }
  const vclHrd = reader.flag();
  if (vclHrd) {
    skipHrd(reader);
  }
  if (nalHrd || vclHrd) {
    reader.skip(1); // low_delay_hrd_flag
  }
  reader.skip(1); // pic_struct_present_flag
  if (reader.flag()) {
    reader.skip(1); // motion_vectors_over_pic_boundaries_flag
    for (let i = 0; i < 4; i += 1) {
      reader.ue(); // max_bytes_per_pic_denom to log2_max_mv_length_vertical
    }
    vui.numReorderFrames = reader.ue(16);
  }
}

/** E.1.2 */
function skipHrd(reader: BitReader): void {
  const count = reader.ue(31) + 1;
  reader.skip(8); // bit_rate_scale, cpb_size_scale
  for (let i = 0; i < count; i += 1) {
    reader.ue();
    reader.ue();
    reader.skip(1); // cbr_flag
  }
  reader.skip(20); // four lengths of 5 bits
}
