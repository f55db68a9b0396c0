import { millis, ticks } from '#core/media/time.ts';
import type { BroadcastId } from '#core/media/frame.ts';
import type { PacketizedFrame } from '#core/media/rtp/packetized-frame.ts';
import { secondsOf, type TrackName } from '#core/media/track.ts';
import type { MonotonicClock } from '#core/rtc/monotonic.ts';

import type { FeedLease } from './feeds.ts';
import type { Capture, FeedReader, RenditionFeed } from './rendition-feed.ts';
import type { ViewerTimeline } from './viewer-timeline.ts';

/** What an audio path is made of. */
export type AudioPathOptions = {
  readonly take: (broadcast: BroadcastId, track: TrackName, reader: FeedReader) => FeedLease;
  readonly send: (frame: PacketizedFrame) => void;
  readonly capture: (capture: Capture) => void;
  readonly timeline: ViewerTimeline;
  readonly clock: MonotonicClock;
};

/** One viewer's sound: the newest frame as it comes, whatever becomes of the picture. */
export class AudioPath implements FeedReader {
  readonly #options: AudioPathOptions;
  #lease: FeedLease | undefined;
  #last = -Infinity;

  constructor(options: AudioPathOptions) {
    this.#options = options;
  }

  /** Sends this track from its next frame on; none where it is undefined. */
  follow(broadcast: BroadcastId, track: TrackName | undefined): void {
    const feed = this.#lease?.feed;
    if (feed?.broadcast === broadcast && feed.track === track) {
      return;
    }
    this.stop();
    this.#lease = track === undefined ? undefined : this.#options.take(broadcast, track, this);
  }

  /** Sends nothing more until the next {@link follow}. Idempotent. */
  stop(): void {
    this.#lease?.release();
    this.#lease = undefined;
  }

  fed(feed: RenditionFeed): void {
    const { timeline, clock, send, capture } = this.#options;
    const frame = feed.newest;
    if (frame === undefined || feed !== this.#lease?.feed || feed.isCatchingUp) {
      return;
    }
    const { timescale } = frame.config;
    const now = clock();
    timeline.enter(feed.broadcast, secondsOf(frame.timestamp, frame.config), now);
    const timestamp = ticks(Math.max(frame.timestamp + timeline.offset * timescale, this.#last + 1));
    if (frame.index === 0 && feed.capture !== undefined) {
      capture(feed.capture);
    }
    this.#last = timestamp;
    timeline.sent(timestamp / timescale, millis(now));
    send(timestamp === frame.timestamp ? frame : { ...frame, timestamp });
  }
}
