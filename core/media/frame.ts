import type { Ticks, WallTime } from './time.ts';
import type { TimedEvent } from './timed-event.ts';
import type { ConfigId, TrackConfig, TrackName } from './track.ts';

declare const broadcastIdBrand: unique symbol;

/** Names one broadcast for ever: `[a-z0-9]{8,32}`, made by ingest, never given out twice. Part of every media URL. */
export type BroadcastId = string & { readonly [broadcastIdBrand]: true };

/**
 * What a group's first frame carries besides its own access unit, so that a consumer can enter at any group; and a key
 * frame inside a group from which on another configuration is in force (a browser that sends another size).
 */
export type GroupHead = {
  /** The decoder configuration in force from this frame on. */
  readonly config: TrackConfig;
  /** The instant at which this frame's pts left the camera, as ingest estimates it (see ADR 0001, rule 8). */
  readonly wallTime: WallTime;
};

/**
 * One encoded access unit of one track: the only unit that crosses a stage's boundary.
 *
 * A frame explains itself; consumers need no order between frames and catalogs. `data` is shared by every consumer and
 * must never be written to.
 */
export type Frame = {
  readonly broadcast: BroadcastId;
  /** Rises by one each time the publisher of a broadcast returns or its source changes; the discontinuity sequence. */
  readonly epoch: number;
  /** The lease's fence under which the frame was written. Consumers reject frames of a lower fence. */
  readonly fence: number;
  readonly track: TrackName;
  /** Number of the group, given out by ingest alone; also the media sequence number. */
  readonly group: number;
  /** Position in the group in decoding order, from 0. */
  readonly index: number;
  /** Presentation time on the broadcast's timeline, in the track's timescale. Never below 0. */
  readonly pts: Ticks;
  /** Decoding time, in the track's timescale. Never below 0; rises strictly within a track. */
  readonly dts: Ticks;
  readonly duration: Ticks;
  /** True for a frame at which decoding may start (H.264: an IDR picture). Every audio frame is a key frame. A group of a simulcast layer may begin with another. */
  readonly key: boolean;
  readonly config: ConfigId;
  /**
   * H.264: NAL units with 4-byte lengths (ISO/IEC 14496-15, 5.3.4.2), parameter sets removed. VP8, VP9: a frame. AV1: the
   * OBUs of a temporal unit, each with its size, without the temporal delimiter. AAC: a raw_data_block. Opus: a packet.
   */
  readonly data: Uint8Array;
  /** Present on the first frame of a group (`index` 0), and on a key frame inside it whose configuration is new. */
  readonly head?: GroupHead;
  /** Messages that belong to this frame (ADR 0011): on frames of the picture, on the sound's where there is no picture. */
  readonly events?: readonly TimedEvent[];
};

const broadcastIdPattern = /^[a-z0-9]{8,32}$/;

/** Tells whether a string may be a broadcast's id. */
export function isBroadcastId(value: string): value is BroadcastId {
  return broadcastIdPattern.test(value);
}

/**
 * Brands a broadcast's id.
 *
 * @throws {RangeError} where it does not match `[a-z0-9]{8,32}`.
 */
export function broadcastId(value: string): BroadcastId {
  if (!isBroadcastId(value)) {
    throw new RangeError(`not a broadcast id: ${JSON.stringify(value)}`);
  }
  return value;
}

/** Orders two frames of one track by (epoch, group, index): negative where `a` comes first, 0 for the same place. */
export function compareFrames(a: FramePlace, b: FramePlace): number {
  return a.epoch - b.epoch || a.group - b.group || a.index - b.index;
}

/** A frame's place in its track. */
export type FramePlace = Pick<Frame, 'epoch' | 'group' | 'index'>;
