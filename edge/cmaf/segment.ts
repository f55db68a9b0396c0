import type { BroadcastId } from '#core/media/frame.ts';
import type { Millis, Ticks, Timescale, WallTime } from '#core/media/time.ts';
import type { TimedEvent } from '#core/media/timed-event.ts';
import type { ConfigId, TrackConfig, TrackName } from '#core/media/track.ts';

/** One CMAF chunk (moof and mdat, a `prft` before the first of a segment, an `emsg` for each message), addressed as `<group>.<part>.m4s`. */
export type Part = {
  readonly group: number;
  /** Position in its segment, from 0. */
  readonly index: number;
  readonly duration: Millis;
  /** True where an independent frame is inside (audio: always). */
  readonly independent: boolean;
  readonly bytes: Uint8Array;
  /** Offset of `bytes` in the segment. */
  readonly offset: number;
  /** Messages on its frames (`emsg`); absent where there are none. */
  readonly events?: readonly TimedEvent[];
};

/** One group as a CMAF segment, `<group>.m4s`: the concatenation of its parts. It grows until it is complete. */
export type Segment = {
  readonly broadcast: BroadcastId;
  readonly track: TrackName;
  readonly epoch: number;
  readonly group: number;
  readonly config: ConfigId;
  readonly parts: readonly Part[];
  readonly timescale: Timescale;
  /** Presentation time of the first frame, and the decoding time at which the segment begins (`tfdt` of its first chunk). */
  readonly pts: Ticks;
  readonly dts: Ticks;
  /** Sum of the parts' durations in ticks. */
  readonly ticks: Ticks;
  /** Sum of the parts' durations. */
  readonly duration: Millis;
  /** The group head's wall time: PROGRAM-DATE-TIME. */
  readonly wallTime: WallTime;
  readonly bytes: number;
  readonly complete: boolean;
};

/** A group and when it begins. */
export type NextGroup = Pick<Segment, 'group' | 'wallTime'>;

/** A decoder configuration as an init segment, `init-<config>.mp4`. */
export type InitSegment = { readonly config: ConfigId; readonly trackConfig: TrackConfig; readonly bytes: Uint8Array };

/**
 * What a track's packager tells as frames come. Every call is made in the turn in which the frame came; `segment` is
 * the packager's live object: the same one is passed on each call and its fields are up to date.
 */
export interface PackagerEvents {
  init(init: InitSegment): void;
  /** A part is whole. Its segment contains it already. */
  part(segment: Segment, part: Part): void;
  /** A segment is whole. No further part will come. */
  segment(segment: Segment): void;
  /**
   * Groups `from` to `to` (inclusive) of the epoch are lost, or the rest of group `from` where a part of it was given out.
   *
   * @param next the group that follows them, where it has begun.
   */
  gap(epoch: number, from: number, to: number, next?: NextGroup): void;
}
