import type { BroadcastId } from '../media/frame.ts';
import type { Grouping } from '../media/grouping.ts';
import type { Millis, WallTime } from '../media/time.ts';
import type { TrackConfig, TrackName } from '../media/track.ts';

/** Public name of a stream: `[a-z0-9][a-z0-9-]{0,62}`. */
export type StreamName = string;

/**
 * A broadcast's presence on the bus, written by its ingest.
 *
 * - `live`: a publisher is sending;
 * - `interrupted`: the publisher is gone and has until `graceEnds` to return into the same broadcast;
 * - `ended`: it is over for good; the broadcast leaves the bus a little later.
 */
export type BroadcastInfo = {
  readonly stream: StreamName;
  readonly broadcast: BroadcastId;
  readonly epoch: number;
  readonly state: 'live' | 'interrupted' | 'ended';
  readonly startedAt: WallTime;
  /** Present while interrupted. */
  readonly graceEnds?: WallTime;
  /** Fence of the lease under which the stream is looked after; absent counts as 0. What an ingest says that was overtaken is ignored. */
  readonly fence?: number;
};

/** What ingest knows of one track of its source. */
export type SourceTrack = {
  readonly name: TrackName;
  readonly config: TrackConfig;
  /** Bits per second, measured while the source was probed; 0 where unknown. */
  readonly bitrate: number;
  /**
   * Simulcast (ADR 0005, 8): absent on `video`, which is the best layer; n on `video-n`, the n-th below it. A lower layer is for WebRTC alone: cut
   * into the groups of `video` by pts, its groups need not begin with a key frame. Its place in the order is fixed for the epoch; of
   * an adapting publisher `config` is that of the epoch's beginning, and heads of frames tell of other sizes (ADR 0001). While the publisher holds
   * it back it is silent: no frames, no other sign.
   */
  readonly layer?: number;
  /** Video only. */
  readonly video?: {
    /** Frames per second on the exact grid (29.97 is 30000/1001), or the mean where the rate varies. */
    readonly frameRate: number;
    readonly variableFrameRate: boolean;
    readonly bFrames: boolean;
    /** Seconds between key frames as seen while probing; undefined where no second key frame came within 2.1 s. */
    readonly gopSeconds?: number;
  };
};

/** Catalog section `source`, written by ingest for each epoch. */
export type SourceCatalog = {
  readonly stream: StreamName;
  readonly broadcast: BroadcastId;
  readonly epoch: number;
  readonly fence: number;
  /** Protocol the publisher speaks. */
  readonly protocol: 'rtmp' | 'rtmps' | 'whip' | 'srt';
  readonly grouping: Grouping;
  readonly tracks: readonly SourceTrack[];
  /** The publisher's software as it names itself (`encoder` of onMetaData); shown, never trusted. */
  readonly encoder?: string;
};

/** Protocols a rendition is offered over. `hls` stands for every protocol that takes CMAF. */
export type Face = 'hls' | 'webrtc';

/** One rendition that viewers can choose. */
export type Rendition = {
  readonly track: TrackName;
  /** Shown to viewers: `1080p60`, `720p`, `480p`, `Audio`. */
  readonly label: string;
  readonly faces: readonly Face[];
  readonly mode: 'passthrough' | 'encoded';
  /** Why it is passed through or encoded, in plain words for the broadcaster. */
  readonly reason: string;
  /** Planned configuration facts; the frames' own configuration is the truth once they come. */
  readonly config: TrackConfig;
  /** Frames per second; video only. */
  readonly frameRate?: number;
  /** Peak bits per second, as BANDWIDTH wants it: the VBV's bound where encoded, measured where passed through. */
  readonly bandwidth: number;
  readonly averageBandwidth: number;
};

/** Catalog section `ladder`, written by the transcoder for each plan. */
export type LadderCatalog = {
  readonly stream: StreamName;
  readonly broadcast: BroadcastId;
  readonly epoch: number;
  readonly fence: number;
  /** Rises with each plan of the broadcast. */
  readonly revision: number;
  /** PART-TARGET of the epoch, over every rendition of face `hls`, shed ones included. */
  readonly partTarget: Millis;
  /** Video renditions from the best down, then audio. */
  readonly renditions: readonly Rendition[];
  /** Rungs left out or shed, with the reason. */
  readonly omitted: readonly { readonly label: string; readonly reason: string }[];
};

/** A warning for the broadcaster. */
export type Warning = {
  /** Stable: `source/long-gop`, `transcode/falling-behind`, ... */
  readonly code: string;
  /** Plain words: what is wrong and what to do about it. */
  readonly message: string;
  readonly since: WallTime;
};

/** Catalog section `ingest`: how the source does, written about once a second. */
export type IngestHealth = {
  readonly bitrate: number;
  readonly frameRate: number;
  /** Round trip to the publisher and packets lost on its way here in the last second (0 to 1, repaired ones too), where the protocol tells. */
  readonly rtt?: Millis;
  readonly loss?: number;
  /** Address of the publisher without its port. */
  readonly address: string;
  readonly warnings: readonly Warning[];
};

/** Catalog section `transcode`: how the encoders do, written about once a second. */
export type TranscodeHealth = {
  /** Media seconds encoded per second that passed; 1 keeps up. */
  readonly speed: number;
  /** Output behind input. */
  readonly lag: Millis;
  /** Restarts since the broadcast began. */
  readonly restarts: number;
  readonly warnings: readonly Warning[];
};

/** Catalog section `archive`, written by whoever keeps a broadcast on disk (ADR 0010), about once a second. */
export type ArchiveHealth = {
  /** How far back viewers can go; 0 where they cannot. */
  readonly rewind: Millis;
  /** Why rewind is off although it is wanted; absent where it is on or not wanted. */
  readonly rewindOff?: string;
  readonly recording: boolean;
  /** Bytes on disk of this broadcast. */
  readonly bytes: number;
  readonly warnings: readonly Warning[];
  /** Base URL of the node that keeps it, where several serve viewers: who goes back in time is sent there. */
  readonly url?: string;
};

/** Catalog section `audience`, written by each edge of its own viewers, read as the sum over the edges that live: viewers by protocol. */
export type Audience = {
  readonly viewers: Readonly<Partial<Record<'hls' | 'dash' | 'webrtc', number>>>;
};

/** The sections of a broadcast's catalog, each with one writer. */
export type CatalogSections = {
  readonly source: SourceCatalog;
  readonly ladder: LadderCatalog;
  readonly ingest: IngestHealth;
  readonly transcode: TranscodeHealth;
  readonly audience: Audience;
  readonly archive: ArchiveHealth;
};
