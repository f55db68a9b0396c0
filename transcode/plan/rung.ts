import type { LadderSetting } from '#core/runtime/config/common.ts';

/** A rung that is wanted: the picture's shorter side in pixels and bits per second. */
export type Rung = { readonly height: number; readonly bitrate: number };

/** The ladder of a stream that configures none, best first. */
export const DEFAULT_RUNGS: readonly Rung[] = [
  { height: 1080, bitrate: 4_500_000 },
  { height: 720, bitrate: 2_500_000 },
  { height: 480, bitrate: 1_200_000 },
  { height: 360, bitrate: 700_000 },
  { height: 240, bitrate: 350_000 },
];

/** What a ladder setting asks for, best first; nothing for `source`. */
export function rungsOf(setting: LadderSetting): readonly Rung[] {
  if (setting === 'auto') {
    return DEFAULT_RUNGS;
  }
  if (setting === 'source') {
    return [];
  }
  const byHeight = new Map(setting.map(({ height, bitrate }) => [evenDown(height), bitsPerSecond(bitrate)]));
  return [...byHeight].map(([height, bitrate]) => ({ height, bitrate })).sort((a, b) => b.height - a.height);
}

/** Bits per second of a number or of text such as `2.5M` and `700k`. */
export function bitsPerSecond(value: number | string): number {
  if (typeof value === 'number') {
    return Math.round(value);
  }
  const factor = value.endsWith('M') ? 1_000_000 : value.endsWith('k') ? 1000 : 1;
  return Math.round(Number.parseFloat(value) * factor);
}

/**
 * A bit rate for a size that is in no ladder: that of the nearest default rung, scaled with the area to the power of
 * 0.75 (larger pictures need fewer bits a pixel; the default ladder itself follows about that).
 */
export function bitrateFor(size: PictureSize): number {
  const area = size.width * size.height;
  const [nearest] = [...DEFAULT_RUNGS].sort((a, b) => Math.abs(a.height - shorterSide(size)) - Math.abs(b.height - shorterSide(size)));
  const base = nearest ?? { height: 720, bitrate: 2_500_000 };
  return Math.round((base.bitrate * (area / ((base.height * base.height * 16) / 9)) ** 0.75) / 10_000) * 10_000;
}

/** A picture's size in pixels. */
export type PictureSize = { readonly width: number; readonly height: number };

/** The side that names a rung: the height, or the width of a portrait picture. */
export function shorterSide(size: PictureSize): number {
  return Math.min(size.width, size.height);
}

/** The source's picture scaled so that its shorter side is `side`: aspect kept, both sides even. */
export function scaledTo(source: PictureSize, side: number): PictureSize {
  const factor = side / shorterSide(source);
  const even = (value: number): number => Math.max(2, Math.round(value / 2) * 2);
  const short = evenDown(side);
  return source.width < source.height
    ? { width: short, height: even(source.height * factor) }
    : { width: even(source.width * factor), height: short };
}

/** The next even number at or below. */
export function evenDown(value: number): number {
  return Math.floor(value / 2) * 2;
}
