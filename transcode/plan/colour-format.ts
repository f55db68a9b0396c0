import { parseAvcC } from '#core/media/codecs/h264/avcc.ts';
import { parseSps, type Sps } from '#core/media/codecs/h264/sps.ts';
import type { VideoConfig } from '#core/media/track.ts';
import { MillraceError } from '#core/runtime/errors.ts';

type Format = Pick<Sps, 'profileIdc' | 'chromaFormatIdc' | 'bitDepthLuma' | 'bitDepthChroma'>;

/** `profile_idc` of Baseline, Main and High (H.264, A.2), the constrained ones among them: what every player decodes. */
const PLAYABLE_PROFILES = new Set([66, 77, 100]);

/** `profile_idc` to the profile's name (A.2), for streams that tell no more than that. */
const PROFILE_NAMES: Readonly<Record<number, string>> = {
  44: 'CAVLC 4:4:4 Intra profile',
  88: 'Extended profile',
  110: 'High 10 profile',
  122: 'High 4:2:2 profile',
  244: 'High 4:4:4 Predictive profile',
};

/** `chroma_format_idc` (table 6-1). */
const CHROMA_FORMATS = ['4:0:0', '4:2:0', '4:2:2', '4:4:4'];
const CHROMA_420 = 1;

/**
 * What of an H.264 picture's colour format many players cannot decode, in words: `4:4:4`, `4:2:2, 10 bit`; undefined for
 * 8 bit 4:2:0 of the Baseline, Main and High profiles, and for other codecs.
 */
export function rareColourFormat(config: VideoConfig): string | undefined {
  if (config.codec !== 'h264') {
    return undefined;
  }
  const format = formatOf(config);
  const depth = Math.max(format.bitDepthLuma, format.bitDepthChroma);
  const odd = [
    ...(format.chromaFormatIdc === CHROMA_420 ? [] : [CHROMA_FORMATS[format.chromaFormatIdc] ?? 'unknown']),
    ...(depth === 8 ? [] : [`${depth} bit`]),
  ];
  if (odd.length > 0) {
    return odd.join(', ');
  }
  return PLAYABLE_PROFILES.has(format.profileIdc) ? undefined : (PROFILE_NAMES[format.profileIdc] ?? `profile ${format.profileIdc}`);
}

/** From the sequence parameter set; where that cannot be read, from what the codec string tells. */
function formatOf({ description, codecString }: VideoConfig): Format {
  try {
    return parseSps(parseAvcC(description).sps[0] ?? new Uint8Array());
  } catch (error) {
    if (!(error instanceof MillraceError)) {
      throw error;
    }
    return { profileIdc: Number.parseInt(codecString.slice('avc1.'.length, 'avc1.'.length + 2), 16), chromaFormatIdc: CHROMA_420, bitDepthLuma: 8, bitDepthChroma: 8 };
  }
}
