import type { TimedEvent } from '#core/media/timed-event.ts';
import type { Millis, Ticks, Timescale, WallTime } from '#core/media/time.ts';
import type { ConfigId } from '#core/media/track.ts';

import type { Payload } from '../http/payload.ts';

/** TARGETDURATION of every media playlist: ingest cuts groups that would grow past 2.1 s, which rounds to 2. */
export const TARGET_DURATION = 2000 as Millis;

/** Part tags and the largest backlog reach this far back (rfc8216bis, 4.4.4.9): three target durations. */
export const THREE_TARGET_DURATIONS = (3 * TARGET_DURATION) as Millis;

/** A part as the playlist lists it. */
export type WindowPart = {
  readonly index: number;
  readonly duration: Millis;
  readonly independent: boolean;
  /** Undefined for what is lost: listed with GAP=YES. */
  media: Payload | undefined;
  readonly events?: readonly TimedEvent[];
};

/** Where a segment lies on the broadcast's timeline, exactly; `ticks` of one that grows is what it has so far. */
export type SegmentTiming = { readonly timescale: Timescale; readonly pts: Ticks; readonly dts: Ticks; readonly ticks: Ticks };

/** A group of a track's window: a segment that grows, is whole, or is lost (`gap`). */
export type WindowSegment = {
  readonly group: number;
  readonly epoch: number;
  /** Undefined where the group is lost and no configuration was ever known. */
  readonly config: ConfigId | undefined;
  readonly wallTime: WallTime;
  readonly parts: WindowPart[];
  /** Undefined where the group is lost before its first part. */
  timing?: SegmentTiming;
  duration: Millis;
  bytes: number;
  complete: boolean;
  /** The whole segment, once somebody asked for it. */
  whole?: Payload;
  /**
   * True for a lost group: listed with EXT-X-GAP, never given out whole. Parts given out before the loss stay, because
   * another edge has the same; the whole segment would not be the same.
   */
  gap: boolean;
  /** Media time from the window's first segment to this one's start; distances in the window are differences of it. */
  readonly start: Millis;
};

/** When and how long a group was, as another track of the broadcast saw it. */
export type GroupTimes = { readonly epoch: number; readonly wallTime: WallTime; readonly duration: Millis };
