import { MillraceError } from '../../../runtime/errors.ts';
import { BitReader } from '../bit-reader.ts';

/** A sequence header OBU (AV1, 5.5), as far as a packager and the reader of frame headers need it. */
export type Av1SequenceHeader = {
  readonly profile: number;
  /** `seq_level_idx` and `seq_tier` of operating point 0. */
  readonly level: number;
  readonly tier: number;
  readonly maxWidth: number;
  readonly maxHeight: number;
  readonly color: Av1Color;
  readonly reducedStillPicture: boolean;
  readonly frameWidthBits: number;
  readonly frameHeightBits: number;
  /** Bits of a frame's id; 0 where frames have none. */
  readonly frameIdBits: number;
  readonly orderHintBits: number;
  /** 0, 1, or 2: each frame says. */
  readonly forceScreenContentTools: number;
  readonly forceIntegerMv: number;
  readonly equalPictureInterval: boolean;
  /** Lengths of the decoder model's fields; undefined where there is none. */
  readonly decoderModel?: { readonly bufferDelay: number; readonly bufferRemovalTime: number; readonly framePresentationTime: number };
  readonly operatingPoints: readonly { readonly idc: number; readonly decoderModel: boolean }[];
};

/** `color_config` (5.5.2). */
export type Av1Color = {
  readonly bitDepth: 8 | 10 | 12;
  readonly monochrome: boolean;
  readonly subsamplingX: number;
  readonly subsamplingY: number;
  readonly chromaSamplePosition: number;
};

type Timing = Pick<Av1SequenceHeader, 'equalPictureInterval' | 'decoderModel'>;

const SELECT = 2;

/**
 * Parses the payload of a sequence header OBU.
 *
 * @throws {MillraceError} `media/truncated` or `media/malformed`.
 */
export function parseAv1SequenceHeader(payload: Uint8Array): Av1SequenceHeader {
  const reader = new BitReader(payload);
  const profile = reader.bits(3);
  if (profile > 2) {
    throw new MillraceError('media/malformed', `AV1 profile ${profile}`);
  }
  reader.skip(1); // still_picture
  const reducedStillPicture = reader.flag();
  let timing: Timing = { equalPictureInterval: false };
  let points: OperatingPoint[];
  if (reducedStillPicture) {
    points = [{ idc: 0, level: reader.bits(5), tier: 0, decoderModel: false }];
  } else {
    timing = timingInfo(reader);
    points = operatingPoints(reader, timing.decoderModel?.bufferDelay);
  }
  const frameWidthBits = reader.bits(4) + 1;
  const frameHeightBits = reader.bits(4) + 1;
  const maxWidth = reader.bits(frameWidthBits) + 1;
  const maxHeight = reader.bits(frameHeightBits) + 1;
  // delta_frame_id_length_minus_2 and additional_frame_id_length_minus_1
  const frameIdBits = !reducedStillPicture && reader.flag() ? reader.bits(4) + 2 + reader.bits(3) + 1 : 0;
  reader.skip(3); // 128x128 superblocks, filter intra, intra edge filter
  const tools = reducedStillPicture ? { orderHintBits: 0, forceScreenContentTools: SELECT, forceIntegerMv: SELECT } : codingTools(reader);
  reader.skip(3); // superres, cdef, restoration
  const color = colorConfig(reader, profile);
  const [first] = points;
  return {
    profile,
    level: first?.level ?? 0,
    tier: first?.tier ?? 0,
    maxWidth,
    maxHeight,
    color,
    reducedStillPicture,
    frameWidthBits,
    frameHeightBits,
    frameIdBits,
    ...tools,
    ...timing,
    operatingPoints: points,
  };
}

/** `timing_info` (5.5.3) and `decoder_model_info` (5.5.4). */
function timingInfo(reader: BitReader): Timing {
  if (!reader.flag()) {
    return { equalPictureInterval: false };
  }
  reader.skip(64); // num_units_in_display_tick, time_scale
  const equalPictureInterval = reader.flag();
  if (equalPictureInterval) {
    reader.ue(); // num_ticks_per_picture_minus_1: uvlc() is ue(v)
  }
  if (!reader.flag()) {
    return { equalPictureInterval };
  }
  const bufferDelay = reader.bits(5) + 1;
  reader.skip(32); // num_units_in_decoding_tick
  const bufferRemovalTime = reader.bits(5) + 1;
  return { equalPictureInterval, decoderModel: { bufferDelay, bufferRemovalTime, framePresentationTime: reader.bits(5) + 1 } };
}

type OperatingPoint = { readonly idc: number; readonly level: number; readonly tier: number; readonly decoderModel: boolean };

function operatingPoints(reader: BitReader, bufferDelay: number | undefined): OperatingPoint[] {
  const displayDelay = reader.flag();
  const points: OperatingPoint[] = [];
  for (let left = reader.bits(5); left >= 0; left -= 1) {
    const idc = reader.bits(12);
    const level = reader.bits(5);
    const tier = level > 7 ? reader.bits(1) : 0;
    const decoderModel = bufferDelay !== undefined && reader.flag();
    if (decoderModel) {
      reader.skip(2 * bufferDelay + 1);
    }
    if (displayDelay && reader.flag()) {
      reader.skip(4);
    }
    points.push({ idc, level, tier, decoderModel });
  }
  return points;
}

function codingTools(reader: BitReader): Pick<Av1SequenceHeader, 'orderHintBits' | 'forceScreenContentTools' | 'forceIntegerMv'> {
  reader.skip(4); // interintra, masked compound, warped motion, dual filter
  const orderHint = reader.flag();
  if (orderHint) {
    reader.skip(2); // jnt_comp, ref_frame_mvs
  }
  const forceScreenContentTools = reader.flag() ? SELECT : reader.bits(1);
  let forceIntegerMv = SELECT;
  if (forceScreenContentTools > 0 && !reader.flag()) {
    forceIntegerMv = reader.bits(1);
  }
  return { forceScreenContentTools, forceIntegerMv, orderHintBits: orderHint ? reader.bits(3) + 1 : 0 };
}

function colorConfig(reader: BitReader, profile: number): Av1Color {
  const highBitDepth = reader.flag();
  const bitDepth = !highBitDepth ? 8 : profile === 2 && reader.flag() ? 12 : 10;
  const monochrome = profile !== 1 && reader.flag();
  // color_primaries, transfer_characteristics, matrix_coefficients
  const srgb = reader.flag() && reader.bits(24) === 0x010d00;
  if (monochrome) {
    reader.skip(1); // color_range
    return { bitDepth, monochrome, subsamplingX: 1, subsamplingY: 1, chromaSamplePosition: 0 };
  }
  if (srgb) {
    return { bitDepth, monochrome, subsamplingX: 0, subsamplingY: 0, chromaSamplePosition: 0 };
  }
  reader.skip(1); // color_range
  let subsamplingX = profile === 1 ? 0 : 1;
  let subsamplingY = profile === 0 ? 1 : 0;
  if (profile === 2 && bitDepth === 12) {
    subsamplingX = reader.bits(1);
    subsamplingY = subsamplingX === 1 ? reader.bits(1) : 0;
  }
  const chromaSamplePosition = subsamplingX === 1 && subsamplingY === 1 ? reader.bits(2) : 0;
  return { bitDepth, monochrome, subsamplingX, subsamplingY, chromaSamplePosition };
}
