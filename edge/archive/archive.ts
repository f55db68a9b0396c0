import type { BroadcastInfo, LadderCatalog, StreamName } from '#core/bus/catalog.ts';
import type { BroadcastId } from '#core/media/frame.ts';
import type { TimedEvent } from '#core/media/timed-event.ts';
import type { Millis, Ticks, Timescale, WallTime } from '#core/media/time.ts';
import type { ConfigId, TrackConfig, TrackName } from '#core/media/track.ts';

import type { PackagerEvents } from '../cmaf/segment.ts';

/** What is kept on disk of broadcasts: the rewind windows of those on air, and recordings (ADR 0010). */
export interface Archive {
  /**
   * Begins to keep a broadcast, or goes on with one that is there. The broadcast's setting says whether as a recording, as a rewind window or not at all: then
   * what is told of it is dropped.
   */
  keep(info: BroadcastInfo): BroadcastKeeper;
  /** A broadcast of which something is kept, over or not. Those that are over are read from disk at the first question: rejects with {@link MillraceError} `recording/busy` while too many others are. */
  find(id: BroadcastId): Promise<ArchivedBroadcast | undefined>;
  /** A broadcast that is being kept now; undefined at once where there is none. */
  open(id: BroadcastId): ArchivedBroadcast | undefined;
  /** Every recording, newest first, of one stream or of all. */
  recordings(stream?: StreamName): readonly ArchivedFacts[];
  /** Removes a recording. Throws {@link MillraceError} `recording/unknown`, `recording/in-progress`, `recording/not-removed` where the disk does not let us. */
  remove(id: BroadcastId): Promise<void>;
  /** Writes what is queued, closes every file; the broadcasts may go on after a restart. Idempotent. */
  close(): Promise<void>;
}

/** Takes what is told of one broadcast. Nothing here waits, and nothing throws: trouble is told by the catalog's `archive` section. */
export interface BroadcastKeeper {
  set info(info: BroadcastInfo);
  set ladder(ladder: LadderCatalog);
  /** Calls back when this edge begins to keep the broadcast, at once where it does already, and with false when it does no more: another one has the right. */
  onKeeping(listener: (isKeeping: boolean) => void): void;
  /** Where a track's packager tells of its segments. Parts are not looked at. */
  track(track: TrackName, kind: 'video' | 'audio'): PackagerEvents;
  /** The broadcast is over and all of it was told: finishes the recording, removes what was a window only. */
  end(): Promise<void>;
}

/** What is known of a kept broadcast without its index. */
export type ArchivedFacts = {
  readonly id: BroadcastId;
  readonly stream: StreamName;
  readonly startedAt: WallTime;
  /** Absent while it goes on. */
  readonly endedAt?: WallTime;
  readonly isRecording: boolean;
  readonly state: 'open' | 'finished' | 'damaged';
  /** On disk. */
  readonly bytes: number;
  /** Of the longest track, gaps between epochs not counted, in milliseconds. */
  readonly duration: number;
  readonly lostGroups: number;
};

/** A kept broadcast with its index. A live object while it is open: its fields rise. */
export interface ArchivedBroadcast {
  readonly facts: ArchivedFacts;
  /** How far back of its newest segment viewers may go while it is on air and shortly after, as set; 0 where rewind is off, or is not possible now. A recording holds more. */
  readonly rewind: Millis;
  /** The newest ladder that was told: labels, bandwidths and order of the renditions. */
  readonly ladder: LadderCatalog | undefined;
  readonly tracks: ReadonlyMap<TrackName, ArchivedTrack>;
  /** Messages on the timeline (ADR 0011), in their order. */
  readonly events: readonly TimedEvent[];
  /** Folder of its files, for pictures that belong to it. */
  readonly folder: string;
  /** Calls back after each change of `tracks` or their segments, in the turn in which it happened. Returns the way out. */
  onChange(listener: () => void): () => void;
}

/** A track of a kept broadcast. */
export interface ArchivedTrack {
  readonly track: TrackName;
  readonly kind: 'video' | 'audio';
  /** Whole segments, oldest first; a group that is missing between two of one epoch was lost. */
  readonly segments: readonly ArchivedSegment[];
  segmentOf(group: number): ArchivedSegment | undefined;
  config(config: ConfigId): TrackConfig | undefined;
  /** The init segment of a configuration. */
  init(config: ConfigId): Uint8Array | undefined;
  /** A segment's bytes, as live viewers had them, from memory while they are not on disk yet. Undefined where they are gone. */
  read(segment: ArchivedSegment): Promise<Buffer | undefined>;
  /** At most `length` bytes of a segment from `offset` on: for who looks at its boxes and not at its samples. Undefined where they are gone. */
  readSlice(segment: ArchivedSegment, offset: number, length: number): Promise<Buffer | undefined>;
}

/** A whole segment. */
export type ArchivedSegment = {
  readonly group: number;
  readonly epoch: number;
  readonly config: ConfigId;
  readonly timescale: Timescale;
  readonly pts: Ticks;
  readonly dts: Ticks;
  readonly ticks: Ticks;
  readonly wallTime: WallTime;
  readonly bytes: number;
  /** Volume (file) of the track, and where the segment begins in it. */
  readonly volume: number;
  readonly offset: number;
};
