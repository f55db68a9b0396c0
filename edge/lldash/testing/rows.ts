import { millis, ticks, VIDEO_TIMESCALE, wallTime, type Ticks, type Timescale } from '#core/media/time.ts';
import type { ConfigId } from '#core/media/track.ts';

import type { SegmentRow } from '../segment-rows.ts';

/** Start of the broadcasts of these tests. */
export const STARTED_AT = wallTime(Date.UTC(2026, 0, 1));

/** What may be told of a row: by default of the picture, a second long, where its group's number says, an instant after it was captured. */
export type RowFields = Partial<Pick<SegmentRow, 'epoch' | 'grows' | 'isDependent'>> & {
  readonly config?: string;
  readonly timescale?: Timescale;
  /** Seconds. */
  readonly at?: number;
  readonly seconds?: number;
  /** Milliseconds by which wall time is ahead of media time. */
  readonly shift?: number;
};

/** A segment's row. Group 100 begins the broadcast. */
export function row(group: number, fields: RowFields = {}): SegmentRow {
  const { epoch = 0, grows = false, isDependent = false, config = 'c', timescale = VIDEO_TIMESCALE, at = group - 100, seconds = 1, shift = 0 } = fields;
  return {
    group,
    epoch,
    grows,
    isDependent,
    config: config as ConfigId,
    timescale,
    pts: ticks(at * timescale),
    ticks: ticks(seconds * timescale),
    wallTime: wallTime(STARTED_AT + at * 1000 + shift),
  };
}

/** Seconds as ticks of the picture. */
export function seconds(value: number): Ticks {
  return ticks(value * VIDEO_TIMESCALE);
}

/** PART-TARGET of these tests. */
export const PART_TARGET = millis(200);
