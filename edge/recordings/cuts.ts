import { endOf, startOf, type SelectedSegment } from './selection.ts';

/** Media may be missing for so long without being cut: sound begins and ends a frame beside the picture. In seconds. */
const TOLERANCE = 0.2;

/**
 * How much time to take out before each segment, in seconds, so that the first one begins at 0 and what nobody sent (between epochs, or where picture and sound are both
 * lost) is not in the file. It is the same for picture and sound, which stay together.
 *
 * @param segments - By their start.
 */
export function cutsOf(segments: readonly SelectedSegment[]): number[] {
  let end = segments[0] === undefined ? 0 : startOf(segments[0]);
  let removed = end;
  return segments.map((segment) => {
    const start = startOf(segment);
    if (start - end > TOLERANCE) {
      removed += start - end;
    }
    end = Math.max(end, endOf(segment));
    return removed;
  });
}
