import type { BroadcastId } from '#core/media/frame.ts';
import type { Millis, Ticks, Timescale, WallTime } from '#core/media/time.ts';
import type { TimedEvent } from '#core/media/timed-event.ts';
import type { ConfigId, TrackConfig, TrackName } from '#core/media/track.ts';

/** A segment as a manifest lists it: `<group>.m4s`, from `pts` on for `ticks`. */
export type ListedSegment = { readonly group: number; readonly pts: Ticks; readonly ticks: Ticks };

/** A rendition in a period: a Representation. */
export type ListedTrack = {
  readonly track: TrackName;
  readonly config: TrackConfig;
  readonly configId: ConfigId;
  /** Bits per second at the peak. */
  readonly bandwidth: number;
  readonly frameRate?: number | undefined;
  /** Groups in a row, oldest first, each beginning where the one before ends. Never empty. */
  readonly segments: readonly ListedSegment[];
};

/** Renditions of one kind and codec that players may switch between: an AdaptationSet. */
export type ListedSet = {
  /** The same in each manifest of a broadcast, and in each of its periods. */
  readonly id: number;
  readonly kind: 'video' | 'audio';
  readonly timescale: Timescale;
  readonly tracks: readonly ListedTrack[];
  /** Whether every segment begins with a key frame. */
  readonly independent: boolean;
  /** Seconds that a segment is offered before its end: its expected length less a part. */
  readonly availabilityTimeOffset: Millis;
};

/** A stretch of a broadcast with one timeline: a Period. */
export type ListedPeriod = {
  readonly id: string;
  /** From `availabilityStartTime` to the period's start. */
  readonly start: Millis;
  /** Media time of the period's start (`presentationTimeOffset`): a whole number of ticks in every timescale. */
  readonly mediaStart: Millis;
  /** A place of the timeline and the instant at which it left the camera. */
  readonly reference: { readonly media: Millis; readonly wallTime: WallTime };
  readonly sets: readonly ListedSet[];
  readonly events: readonly TimedEvent[];
};

/** What a manifest says. */
export type Listing = {
  readonly broadcast: BroadcastId;
  /** `availabilityStartTime`. */
  readonly startedAt: WallTime;
  readonly publishTime: WallTime;
  /** True once the broadcast is over and all of it is listed. */
  readonly ended: boolean;
  readonly timeShiftBufferDepth: Millis;
  readonly partTarget: Millis;
  /** The newest group that has begun: names the next manifest. Undefined where none has. */
  readonly newest: number | undefined;
  readonly periods: readonly ListedPeriod[];
};
