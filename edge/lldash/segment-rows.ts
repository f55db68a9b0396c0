import { millis, ticksToMillis, type Millis, type Ticks, type Timescale } from '#core/media/time.ts';
import type { ConfigId } from '#core/media/track.ts';

import type { ArchivedTrack } from '../archive/archive.ts';
import type { TrackWindow } from '../llhls/track-window.ts';
import type { BegunSegment } from './period-anchors.ts';

/** A segment of a track that is there, or grows. Those on disk are such rows as they are: a rewind window has thousands. */
export type SegmentRow = BegunSegment & {
  readonly config: ConfigId;
  readonly timescale: Timescale;
  /** What it lasts; so far, where it grows. */
  readonly ticks: Ticks;
  readonly grows?: boolean;
  /** Begins with no key frame. */
  readonly isDependent?: boolean;
};

/** The segments of a track, oldest first, that end after `earliest` on the media timeline: those on disk, then those that the playlist lists. Lost ones are left out. */
export function rowsOf(window: TrackWindow | undefined, archived: ArchivedTrack | undefined, earliest: Millis): SegmentRow[] {
  const firstInMemory = window?.first?.group ?? Infinity;
  const kept = archived?.segments ?? [];
  const rows: SegmentRow[] = kept.slice(firstIndex(kept, (segment) => endOf(segment) > earliest), firstIndex(kept, ({ group }) => group >= firstInMemory));
  for (const { group, epoch, config, wallTime, timing, complete, gap, parts } of window?.listed ?? []) {
    if (!gap && config !== undefined && timing !== undefined && endOf(timing) > earliest) {
      rows.push({ group, epoch, config, wallTime, ...timing, grows: !complete, isDependent: parts[0]?.independent === false });
    }
  }
  return rows;
}

/** Where the segments begin for which something is so, as it is for all after them; their number where there are none. */
function firstIndex<T>(segments: readonly T[], isSo: (segment: T) => boolean): number {
  let low = 0;
  let high = segments.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isSo(segments[middle] as T)) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

/** Media time at which a segment ends. */
export function endOf({ pts, ticks, timescale }: Pick<SegmentRow, 'pts' | 'ticks' | 'timescale'>): Millis {
  return millis(ticksToMillis(pts, timescale) + ticksToMillis(ticks, timescale));
}

/** The last rows whose groups follow each other without a hole: what a SegmentTimeline with `$Number$` can list. */
export function lastRun<T extends { readonly group: number }>(rows: readonly T[]): readonly T[] {
  let from = rows.length - 1;
  while (from > 0 && rows[from - 1]?.group === (rows[from] as T).group - 1) {
    from--;
  }
  return from > 0 ? rows.slice(from) : rows;
}
