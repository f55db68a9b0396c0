import type { Millis, WallTime } from '#core/media/time.ts';

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
   * be reached or does not answer sensibly. `media`: this browser could not go on with the media.
   */
  readonly kind: 'offline' | 'unknown-stream' | 'network' | 'media';
  /** For logs and the statistics panel, not for people. */
  readonly detail: string;
  /** When the server asked to be left alone for a while. */
  readonly retryAfter?: Millis;
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
  /** The broadcast has ended and all of it was shown. */
  ended(): void;
  /** The engine is at its end; {@link Engine.destroy} it and begin anew. */
  failed(failure: EngineFailure): void;
}

/** One way to get the picture onto a `<video>`. Made for one attempt; a new attempt takes a new engine. */
export interface Engine {
  readonly kind: 'hls' | 'native' | 'webrtc' | 'dash';
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
  /** Ends it and lets go of the element. Idempotent. */
  destroy(): void;
}
