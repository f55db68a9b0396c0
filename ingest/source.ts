import type { IngestHealth, SourceCatalog, StreamName } from '#core/bus/catalog.ts';
import type { MetadataRequest } from '#core/bus/metadata.ts';
import type { Millis, WallTime } from '#core/media/time.ts';
import type { AudioConfig, VideoConfig } from '#core/media/track.ts';

/**
 * An access unit as a protocol's adapter hands it over: its protocol's timestamps, nothing judged yet.
 */
export type SourceSample = {
  readonly kind: 'video' | 'audio';
  /** Simulcast layer, video only: 0, the default, is the best that arrives, 1 the next below. */
  readonly layer?: number;
  /** True where this layer's picture is that of the video too, because the better layers are silent. */
  readonly standsIn?: boolean;
  /** Decoding timestamp as received: an unsigned 32-bit count of 1/`clockRate` seconds that wraps. */
  readonly timestamp: number;
  /** Presentation minus decoding time in 1/`clockRate` seconds, signed. 0 for audio. */
  readonly compositionOffset: number;
  /** True where decoding may start here (H.264: an IDR picture is inside, whatever the container claims). */
  readonly key: boolean;
  /** As in `Frame.data`. Owned by the receiver: never a view of a buffer that is used again. */
  readonly data: Uint8Array;
  readonly arrival: WallTime;
};

/** A video decoder's configuration as the adapter read it; frame duration and reordering are judged by the timeline. */
export type VideoSourceConfig = Omit<VideoConfig, 'frameDuration' | 'reordered'>;

/** A decoder configuration as the adapter read it. */
export type SourceConfig = VideoSourceConfig | AudioConfig;

/** One authorised publisher, as its protocol's adapter presents it. */
export type Publisher = {
  readonly stream: StreamName;
  readonly protocol: SourceCatalog['protocol'];
  /** Remote address without the port. */
  readonly address: string;
  /** Ticks per second of the samples' timestamps: RTMP 1,000. */
  readonly clockRate: number;
  /**
   * True where rate, size and key frames follow the network, as a browser's do: unless key frames turn out to be regular,
   * nothing is planned on them, and the broadcaster is not told to set what cannot be set. Default: false.
   */
  readonly adaptive?: boolean;
  /** True where it stands in for the stream's main publisher when that one fails (ADR 0013). Default: false. */
  readonly backup?: boolean;
  /** Asks for a key frame in each layer, where the protocol can. May be called often. */
  readonly requestKey?: () => void;
  /** Ends the publisher's connection with a reason that its software shows. Idempotent. */
  disconnect(reason: string): void;
};

/** What the adapter measures of the way from the publisher. */
export type NetworkFacts = {
  /** Round trip; absent before one was measured. */
  readonly rtt?: Millis;
  /** Packets lost over the last second, 0 to 1, before they were repaired. */
  readonly loss: number;
};

/** Where the adapter pours a publisher's media. Calls never throw and never wait. */
export interface SourceSink {
  /**
   * A decoder configuration; again where it changes in mid-stream, right before the key frame that needs it. `layers`, with
   * video alone: the layers below it, best first. Which layers there are, their order and their configurations are one
   * fact: where any of it changes, all is said anew. A layer that stands in for the video stays in its place, and `config`
   * is its very object. What an adaptive publisher changes of its sizes does not make a new epoch; the rest does.
   */
  config(config: SourceConfig, layers?: readonly VideoSourceConfig[]): void;
  sample(sample: SourceSample): void;
  /** Something came that is no sample, or not yet: a packet of a picture, a part of a message. The publisher is not silent. */
  heard(): void;
  /** Facts the publisher claims of itself (RTMP `onMetaData`): hints, never trusted. */
  metadata(claims: { readonly encoder?: string; readonly hasAudio?: boolean; readonly hasVideo?: boolean; readonly frameRate?: number }): void;
  /** A message that the publisher put between its samples: it goes on the next frame, within the bounds of ADR 0011. */
  message(message: MetadataRequest): void;
  /** How the way from the publisher does; said about once a second. */
  network(facts: NetworkFacts): void;
  /** A fault the broadcaster should read of: `rtmp/unsupported-track`, ... */
  warn(code: string, message: string): void;
  /** What the broadcaster is to know now: rates, warnings. Undefined before the first second is over. */
  readonly health: IngestHealth | undefined;
  /** The publisher left: `unpublished` where it said so, `lost` where its connection broke. Idempotent. */
  end(how: 'unpublished' | 'lost'): void;
}

/** Gives authorised publishers a place in the bus; the same for every protocol. */
export interface PublisherRegistry {
  /**
   * Admits a publisher, or refuses it: another one, of whatever protocol and on whatever machine, is live and was heard within 2 s (design, rule 11), or the
   * server is full. A publisher that was silent for 2 s is replaced. Where another machine has to be asked that takes a moment, and up to about 3 s
   * where that machine has just died. Who may not go live now, but later (ADR 0013), is admitted as a stand-by: it sends on, and nothing is written.
   *
   * @param signal Aborts when the publisher leaves before it was answered.
   */
  admit(publisher: Publisher, signal?: AbortSignal): Promise<Admission>;
}

/** Why a publisher is not admitted. */
export type AdmissionRefusal =
  | 'ingest/stream-busy'
  /** The stream has a backup on this machine already. */
  | 'ingest/backup-busy'
  | 'ingest/too-many-publishers'
  | 'ingest/stopping'
  /** Other machines cannot be asked now. */
  | 'ingest/unreachable'
  /** It left before it was answered. */
  | 'ingest/gone';

/** The registry's answer. `message` is shown to the broadcaster. */
export type Admission =
  | { readonly admitted: true; readonly sink: SourceSink }
  | { readonly admitted: false; readonly code: AdmissionRefusal; readonly message: string };
