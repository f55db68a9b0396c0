import { MillraceError } from '../../../runtime/errors.ts';
import { parseAvcC } from '../../codecs/h264/avcc.ts';
import { parseSps } from '../../codecs/h264/sps.ts';
import type { TrackConfig } from '../../track.ts';

/** Shape of a pixel: its width to its height (ISO/IEC 14496-12, 12.1.4). */
export type PixelAspect = { readonly horizontal: number; readonly vertical: number };

const SQUARE: PixelAspect = { horizontal: 1, vertical: 1 };
/** Table E-1 of H.264 goes up to 160:99; beyond this a ratio that an encoder made up is rounded. */
const MAX_TERM = 4096;

/** The shape of a track's pixels as its sequence parameter set tells it; square where it tells nothing. */
export function pixelAspectOf(config: TrackConfig): PixelAspect {
  if (config.codec !== 'h264') {
    return SQUARE;
  }
  try {
    const [sps] = parseAvcC(config.description).sps;
    return sps === undefined ? SQUARE : fractionOf(parseSps(sps).sampleAspectRatio);
  } catch (error) {
    // Whether the record can be decoded is the decoder's business: a shape that cannot be read is no reason to package nothing.
    if (error instanceof MillraceError) {
      return SQUARE;
    }
    throw error;
  }
}

/** The fraction of small terms that is nearest to a ratio. */
function fractionOf(ratio: number): PixelAspect {
  let nearest = { horizontal: Math.max(1, Math.round(ratio)), vertical: 1 };
  const distance = ({ horizontal, vertical }: PixelAspect): number => Math.abs(horizontal / vertical - ratio);
  for (let vertical = 2; vertical <= MAX_TERM && distance(nearest) > 1e-9; vertical++) {
    const candidate = { horizontal: Math.max(1, Math.round(ratio * vertical)), vertical };
    if (distance(candidate) < distance(nearest)) {
      nearest = candidate;
    }
  }
  return nearest;
}
