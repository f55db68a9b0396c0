import type { PictureSize } from './rung.ts';

/**
 * What decoding a megapixel costs beside scaling to and encoding one (veryfast). Measured on 2 cores with noisy pictures:
 * 1080p decodes at 360 megapixels a second and 720p at 310, while their ladders encode at 96 and 86.
 */
const DECODE_WEIGHT = 0.3;

/** Part of the measured speed that ladders may spend; the rest is for ingest, edge and busy scenes. */
export const BUDGET_SHARE = 0.6;

/** Megapixels per second of encoding a picture. */
export function encodeCost(size: PictureSize, frameRate: number): number {
  return (size.width * size.height * frameRate) / 1_000_000;
}

/** Megapixels per second, in terms of encoding, of decoding a source. */
export function decodeCost(size: PictureSize, frameRate: number): number {
  return encodeCost(size, frameRate) * DECODE_WEIGHT;
}
