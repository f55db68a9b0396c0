import type { BroadcastId } from '#core/media/frame.ts';
import { elapsed, type WallTime } from '#core/media/time.ts';

import type { ArchivedFacts } from './archive.ts';

/** What recordings are kept for. */
export type RetentionBounds = {
  /** Days after the end; 0: for ever. */
  readonly days: number;
  /** Of all recordings together, those in progress included. */
  readonly bytes: number;
};

const DAY = 86_400_000;

/** Recordings to remove, oldest first: those too old, then as many as bring all of them below the bound. One in progress never is. */
export function outdated(recordings: readonly ArchivedFacts[], bounds: RetentionBounds, now: WallTime): BroadcastId[] {
  const finished = recordings.filter(({ state }) => state !== 'open').toSorted((a, b) => a.startedAt - b.startedAt);
  let bytes = recordings.reduce((sum, recording) => sum + recording.bytes, 0);
  const isTooOld = ({ endedAt, startedAt }: ArchivedFacts): boolean => bounds.days > 0 && elapsed(endedAt ?? startedAt, now) > bounds.days * DAY;
  return [...finished.filter(isTooOld), ...finished.filter((recording) => !isTooOld(recording))]
    .filter((recording) => {
      const goes = isTooOld(recording) || bytes > bounds.bytes;
      bytes -= goes ? recording.bytes : 0;
      return goes;
    })
    .map(({ id }) => id);
}
