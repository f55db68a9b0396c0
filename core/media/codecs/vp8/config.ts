import { VIDEO_TIMESCALE } from '../../time.ts';
import type { VideoConfig } from '../../track.ts';
import { buildVpcC } from '../vp9/vpcc.ts';

/** The decoder configuration of a VP8 stream: always 8 bits, 4:2:0; level 0 is "unknown", VP8 has none. */
export function vp8Config(size: { readonly width: number; readonly height: number }): Omit<VideoConfig, 'frameDuration' | 'reordered'> {
  const description = buildVpcC({
    profile: 0,
    level: 0,
    bitDepth: 8,
    chromaSubsampling: 0,
    fullRange: false,
    colourPrimaries: 2,
    transferCharacteristics: 2,
    matrixCoefficients: 2,
  });
  return { kind: 'video', codec: 'vp8', codecString: 'vp8', description, width: size.width, height: size.height, timescale: VIDEO_TIMESCALE };
}
