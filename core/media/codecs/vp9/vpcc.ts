import { VIDEO_TIMESCALE } from '../../time.ts';
import type { VideoConfig } from '../../track.ts';

/** What VPCodecConfigurationRecord says (VP Codec ISO Media File Format Binding, 1.0). */
export type VpcC = {
  readonly profile: number;
  /** Times ten: 31 is level 3.1. */
  readonly level: number;
  readonly bitDepth: 8 | 10 | 12;
  /** 0: 4:2:0 with chroma beside luma, 1: 4:2:0 co-located, 2: 4:2:2, 3: 4:4:4. */
  readonly chromaSubsampling: number;
  readonly fullRange: boolean;
  /** ISO/IEC 23091-4 code points; 2 is unspecified. */
  readonly colourPrimaries: number;
  readonly transferCharacteristics: number;
  readonly matrixCoefficients: number;
};

/** Levels of VP9 with their luma picture size and samples per second at most. */
const LEVELS: readonly (readonly [level: number, picture: number, rate: number])[] = [
  [10, 36_864, 829_440],
  [11, 73_728, 2_764_800],
  [20, 122_880, 4_608_000],
  [21, 245_760, 9_216_000],
  [30, 552_960, 20_736_000],
  [31, 983_040, 36_864_000],
  [40, 2_228_224, 83_558_400],
  [41, 2_228_224, 160_432_128],
  [50, 8_912_896, 311_951_360],
  [51, 8_912_896, 588_251_136],
  [52, 8_912_896, 1_176_502_272],
  [60, 35_651_584, 1_176_502_272],
  [61, 35_651_584, 2_353_004_544],
];

/** Frames a second that a level is chosen for: the stream does not tell. */
const ASSUMED_RATE = 30;

/** The lowest level that carries pictures of a size at 30 frames a second. The stream itself does not say. */
export function vp9Level(width: number, height: number): number {
  const picture = width * height;
  return LEVELS.find(([, size, rate]) => picture <= size && picture * ASSUMED_RATE <= rate)?.[0] ?? 62;
}

/**
 * The payload of `vpcC`: a full box of version 1.
 *
 *     version 8 = 1, flags 24 = 0
 *     profile 8, level 8
 *     bitDepth 4, chromaSubsampling 3, videoFullRangeFlag 1
 *     colourPrimaries 8, transferCharacteristics 8, matrixCoefficients 8
 *     codecInitializationDataSize 16 = 0
 */
export function buildVpcC(vpcC: VpcC): Uint8Array {
  const depth = (vpcC.bitDepth << 4) | (vpcC.chromaSubsampling << 1) | (vpcC.fullRange ? 1 : 0);
  return Uint8Array.of(1, 0, 0, 0, vpcC.profile, vpcC.level, depth, vpcC.colourPrimaries, vpcC.transferCharacteristics, vpcC.matrixCoefficients, 0, 0);
}

/** The decoder configuration of a VP9 stream; its string as in the binding: `vp09.<profile>.<level>.<bitDepth>`. */
export function vp9Config(vpcC: VpcC, size: { readonly width: number; readonly height: number }): Omit<VideoConfig, 'frameDuration' | 'reordered'> {
  const two = (value: number): string => String(value).padStart(2, '0');
  const codecString = `vp09.${two(vpcC.profile)}.${two(vpcC.level)}.${two(vpcC.bitDepth)}`;
  return { kind: 'video', codec: 'vp9', codecString, description: buildVpcC(vpcC), width: size.width, height: size.height, timescale: VIDEO_TIMESCALE };
}
