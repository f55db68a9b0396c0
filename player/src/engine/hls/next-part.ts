/** The part of an `EXT-X-PART` as hls.js keeps it, as far as it is needed here. Seconds. */
export type PlaylistPart = { readonly start: number; readonly end: number; readonly loaded: boolean; readonly gap: boolean };

/**
 * How far the playlist's times and the media's may be apart, seconds. They differ by rounding, and because PROGRAM-DATE-TIME
 * follows the wall clock (by up to 1 ms/s) while the media's times do not: some 30 ms within a window of 30 s.
 */
const tolerance = 0.09;

/**
 * The position to look for the next part from, in the playlist's time: where the buffer ends just before or behind the end of a loaded
 * part, it is that end. Otherwise a buffer that ends a few milliseconds early would be looked for in the part
 * that is loaded already, and nothing would be loaded for seconds.
 */
export function snapToParts(position: number, parts: readonly PlaylistPart[]): number {
  let nearest = position;
  let distance = tolerance;
  for (const part of parts) {
    const off = Math.abs(part.end - position);
    if (part.loaded && off < distance) {
      nearest = part.end;
      distance = off;
    }
  }
  return Math.max(nearest, position);
}

/** The part that begins at a position and still has to be loaded. */
export function unloadedAt<P extends PlaylistPart>(position: number, parts: readonly P[]): P | undefined {
  return parts.find((part) => !part.loaded && !part.gap && Math.abs(part.start - position) < Math.min(tolerance / 3, (part.end - part.start) / 2));
}
