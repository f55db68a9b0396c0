import { wallTime } from '#core/media/time.ts';
import type { WallTime } from '#core/media/time.ts';
import type { SeekWindow } from '../seekable.ts';

/** A segment of a media playlist on the element's timeline, seconds; `programDateTime` in milliseconds since 1970. */
export type DatedSegment = { readonly start: number; readonly duration: number; readonly programDateTime: number | null };

/**
 * When the frame at a position was drawn (EXT-X-PROGRAM-DATE-TIME, RFC 8216, 4.3.2.6).
 *
 * @param segments - in their order, without a hole between them; dates may jump ahead where the publisher was gone
 * @param position - seconds on the element's timeline; outside of the segments, the nearest one tells
 */
export function dateOf(segments: readonly DatedSegment[], position: number): WallTime | undefined {
  const holder = segments[Math.max(lastBefore(segments, position, ({ start }) => start), 0)];
  return holder === undefined || holder.programDateTime === null ? undefined : wallTime(holder.programDateTime + (position - holder.start) * 1_000);
}

/** Where an instant lies: in its segment, or at the start of the next one where nothing was sent; within the segments always. Undefined without dates. */
export function positionOf(segments: readonly DatedSegment[], at: WallTime): number | undefined {
  const first = segments[0];
  if (first === undefined || first.programDateTime === null) {
    return undefined;
  }
  const index = lastBefore(segments, at, ({ programDateTime }) => programDateTime ?? Infinity);
  const holder = segments[index];
  if (holder === undefined || holder.programDateTime === null) {
    return first.start;
  }
  const end = holder.start + holder.duration;
  const position = holder.start + (at - holder.programDateTime) / 1_000;
  return position < end ? position : (segments[index + 1]?.start ?? end);
}

/** From the first segment's beginning to the last one's end. */
export function windowOf(segments: readonly DatedSegment[]): SeekWindow | undefined {
  const [first, last] = [segments[0], segments.at(-1)];
  if (first === undefined || first.programDateTime === null || last === undefined || last.programDateTime === null) {
    return undefined;
  }
  return { from: wallTime(first.programDateTime), to: wallTime(last.programDateTime + last.duration * 1_000) };
}

/** Index of the last segment whose key is at most `value`, -1 where none is. Two hours are 3,600 segments, asked some twenty times a second. */
function lastBefore(segments: readonly DatedSegment[], value: number, key: (segment: DatedSegment) => number): number {
  let low = 0;
  let high = segments.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const segment = segments[middle];
    if (segment !== undefined && key(segment) <= value) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low - 1;
}
