import { ticksToMillis, type Millis } from '#core/media/time.ts';

import type { ArchivedSegment } from '../archive/archive.ts';

/** A segment's length. */
export function durationOf({ ticks, timescale }: Pick<ArchivedSegment, 'ticks' | 'timescale'>): Millis {
  return ticksToMillis(ticks, timescale);
}
