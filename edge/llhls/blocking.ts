import type { Millis } from '#core/media/time.ts';

import type { Directives } from './directives.ts';
import type { TrackWindow } from './track-window.ts';

/**
 * Whether a playlist request can be answered: `now`; `wait` until its place exists; `too-far`: it asks for what no client
 * can know of.
 */
export type Readiness = 'now' | 'wait' | 'too-far';

/**
 * Judges a playlist request (rfc8216bis, 6.2.5.2).
 *
 * - Where nothing whole is listed yet everybody waits: players take a playlist without segments for an error.
 * - "If the client requests a Part Index greater than that of the final Partial Segment of the Parent Segment, the server
 *   MUST treat the request as one for Part Index 0 of the following Parent Segment."
 * - A number "greater than the Media Sequence Number of the last Media Segment in the current Playlist plus two", or a
 *   part beyond the Advance Part Limit, is refused.
 */
export function readiness(window: TrackWindow, { msn, part }: Directives, partTarget: Millis): Readiness {
  const complete = window.lastComplete;
  const last = window.last;
  if (window.ended) {
    // "If the Playlist contains an EXT-X-ENDLIST tag ... the server ignores the directives": there is nothing to wait for.
    return 'now';
  }
  if (last === undefined || complete === undefined || (complete.gap && complete === window.first)) {
    return 'wait';
  }
  if (msn === undefined) {
    return 'now';
  }
  if (msn > complete.group + 2 || (part !== undefined && isBeyondAdvanceLimit(window, msn, part, partTarget))) {
    return 'too-far';
  }
  if (part === undefined) {
    return msn <= complete.group ? 'now' : 'wait';
  }
  const segment = window.segmentOf(msn);
  if (segment === undefined) {
    return msn < last.group ? 'now' : 'wait';
  }
  if (part < segment.parts.length) {
    return 'now';
  }
  const next = segment.complete ? window.segmentOf(msn + 1) : undefined;
  return next !== undefined && (next.complete || next.parts.length > 0) ? 'now' : 'wait';
}

/** "The Advance Part Limit is three if the Part Target Duration is at least one second, or three divided by it otherwise." */
export function advancePartLimit(partTarget: Millis): number {
  return partTarget >= 1000 || partTarget <= 0 ? 3 : Math.ceil(3000 / partTarget);
}

function isBeyondAdvanceLimit(window: TrackWindow, msn: number, part: number, partTarget: Millis): boolean {
  const last = window.last;
  const open = last !== undefined && !last.complete ? last : undefined;
  const newest = open !== undefined && open.group === msn ? open.parts.length - 1 : -1;
  return msn > (window.lastComplete?.group ?? 0) && part > newest + advancePartLimit(partTarget);
}
