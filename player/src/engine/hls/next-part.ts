/** The part of an `EXT-X-PART` as hls.js keeps it, as far as it is needed here. Seconds. */
export type PlaylistPart = { readonly start: number; readonly end: number; readonly loaded: boolean; readonly gap: boolean };

/**
 * How far the playlist's times and the media's may be apart, seconds. They differ by rounding, and because PROGRAM-DATE-TIME
 * follows the wall clock (by up to 1 ms/s) while the media's times do not: some 30 ms within a window of 30 s.
 */
const tolerance = 0.09;

/** As far where nothing else tells that it is this part: less than the shortest part, which is one AAC frame. */
const strictTolerance = 0.02;

/**
 * The position to look for the next part from, in the playlist's time: where the buffer ends just before or behind the end of a loaded
 * part, it is that end. Otherwise a buffer that ends a few milliseconds early would be looked for in the part
 * that is loaded already, and nothing would be loaded for seconds. In a rendition that is just being entered no part is
 * loaded: there it is the segment's start, or the segment before would be loaded for its last microsecond.
 *
 * @param segmentStarts - seconds, of the same playlist
 */
export function snapToParts(position: number, parts: readonly PlaylistPart[], segmentStarts: readonly number[]): number {
  let snapped = position;
  let distance = tolerance;
  const consider = (boundary: number, within: number): void => {
    const off = Math.abs(boundary - position);
    if (off < Math.min(within, distance)) {
      snapped = boundary;
      distance = off;
    }
  };
  // hls.js at times forgets that it loaded a part, so the buffer's end counts for more than its word.
  parts.forEach((part) => consider(part.end, part.loaded ? tolerance : strictTolerance));
  segmentStarts.forEach((start) => consider(start, strictTolerance));
  return Math.max(snapped, position);
}

/** The part that begins at a position and still has to be loaded. */
export function unloadedAt<P extends PlaylistPart>(position: number, parts: readonly P[]): P | undefined {
  return parts.find((part) => !part.loaded && !part.gap && Math.abs(part.start - position) < Math.min(strictTolerance, (part.end - part.start) / 2));
}
