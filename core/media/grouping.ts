import type { Ticks, Timescale } from './time.ts';

/**
 * How ingest divides an epoch into groups.
 *
 * - `source`: a group starts at the first key frame at least 1 s after the previous start. Only frames tell where.
 * - `grid`: a group starts at the first frame at or after each whole second of media time. A pure function of pts:
 *   second `firstSecond` of the broadcast's timeline is group `firstGroup`, each further second the next.
 */
export type Grouping =
  | { readonly mode: 'source' }
  | { readonly mode: 'grid'; readonly firstGroup: number; readonly firstSecond: number };

/** Seconds from one group's start to the earliest start of the next, where the source's key frames decide. */
export const MIN_GROUP_SECONDS = 1;

/** Seconds after which a group is cut although no key frame came (TARGETDURATION is 2, and EXTINF rounds to it). */
export const MAX_GROUP_SECONDS = 2.1;

/** The whole second of media time that a pts lies in. */
export function gridSecond(pts: Ticks, scale: Timescale): number {
  return Math.floor(pts / scale);
}

/** The group of a pts on a grid. */
export function gridGroup(grid: Extract<Grouping, { mode: 'grid' }>, pts: Ticks, scale: Timescale): number {
  return grid.firstGroup + (gridSecond(pts, scale) - grid.firstSecond);
}
