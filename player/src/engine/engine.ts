import type { Millis, WallTime } from '#core/media/time.ts';
import type { EngineEvent, EventPlace } from '../events/timed-message.ts';

/** One rendition that the viewer may choose. */
export type EngineRung = {
  /** As people call it: `720p`, `1080p60`, `Audio`. */
  readonly label: string;
  readonly width: number;
  readonly height: number;
  /** Bits per second at most, sound included. */
  readonly bitrate: number;
};

/** Why an engine gave up. */
export type EngineFailure = {
  /**
   * `offline`: the stream is known and off air. `unknown-stream`: there is none of that name. `network`: the server cannot
   * be reached or does not answer sensibly. `media`: this browser could not go on with the media. `unfit`: this way and this
   * browser have no codec in common, or the way is not there. `full`: the server takes no more viewers this way. `blocked`: the
   * server answers, but media do not come through.
   */
  readonly kind: 'offline' | 'unknown-stream' | 'network' | 'media' | 'unfit' | 'full' | 'blocked';
  /** For logs and the statistics panel, not for people. */
  readonly detail: string;
  /** When the server asked to be left alone for a while. */
  readonly retryAfter?: Millis;
};

/** A way to get the picture; `rewind`: what is kept behind the live edge, or a recording. */
export type EngineKind = 'webrtc' | 'hls' | 'native' | 'dash' | 'rewind';

/** What WebRTC measures on the way to this viewer; undefined while unknown. */
export type NetworkFigures = {
  readonly roundTrip: Millis | undefined;
  /** Share of the packets of the last second that never came, 0 to 1. */
  readonly loss: number | undefined;
  /** How long a frame was kept back to even out its arrival, and how long it is asked to be at least. */
  readonly jitterBuffer: Millis | undefined;
  readonly jitterBufferTarget: Millis;
  /** Bits per second that the server believes in, and that arrive. */
  readonly estimate: number | undefined;
  readonly received: number | undefined;
  /** Packets asked for again (NACK) in all, frozen pictures in all. */
  readonly nacks: number;
  readonly freezes: number;
  /** By which transport the media come. */
  readonly transport: 'udp' | 'tcp' | undefined;
};

/** What an engine tells the session. */
export interface EngineListener {
  /** The renditions are known, or have changed. */
  rungs(rungs: readonly EngineRung[]): void;
  /** Another rendition is being shown. */
  shown(rung: number): void;
  /** Media was added to the buffer: a good moment to look at it. */
  buffered(): void;
  /** The engine meets trouble and is trying again by itself. */
  troubled(detail: string): void;
  /** Media flows again. */
  recovered(): void;
  /** A message on the media timeline has come; it is raised when its frame is shown. */
  event(event: EngineEvent): void;
  /** The broadcast has ended and all of it was shown. */
  ended(): void;
  /** The engine is at its end; {@link Engine.destroy} it and begin anew. */
  failed(failure: EngineFailure): void;
}

/** One way to get the picture onto a `<video>`. Made for one attempt; a new attempt takes a new engine. */
export interface Engine {
  readonly kind: EngineKind;
  /** Begins to load and play at the live edge. */
  start(): void;
  /** The rendition being loaded, -1 while unknown. */
  readonly loading: number;
  /** The rendition asked for, or `auto`. */
  choice: number | 'auto';
  /** Bits per second, or undefined while unknown. */
  readonly throughput: number | undefined;
  /** Duration of a part; of a segment where there are no parts. Undefined before the first playlist. */
  readonly partTarget: Millis | undefined;
  /** When the frame now shown was drawn, by the broadcaster's PROGRAM-DATE-TIME. */
  shownAt(): WallTime | undefined;
  /** Where on the element's timeline the live edge would be joined now, seconds; undefined before the first playlist. */
  livePosition(): number | undefined;
  /**
   * When the last frame was shown, by `performance.now()`; undefined where the element's own events tell of stalls, and before
   * the first frame.
   */
  readonly lastFrameAt?: number | undefined;
  /** What is measured on the way; only WebRTC knows. */
  readonly network?: NetworkFigures | undefined;
  /** RTP timestamp of what is played at this instant, of the picture or, without one, of sound; only WebRTC has it. */
  playedTimestamp?(): Extract<EventPlace, { kind: 'rtp' }> | undefined;
  /** Ends it and lets go of the element. Idempotent. */
  destroy(): void;
}
