import { millis, ticks } from '#core/media/time.ts';
import type { BroadcastId } from '#core/media/frame.ts';
import type { PacketizedFrame } from '#core/media/rtp/packetized-frame.ts';
import { secondsOf, type TrackName } from '#core/media/track.ts';
import type { MonotonicClock } from '#core/rtc/monotonic.ts';

import { TOLD_BACK, type FeedEvent } from './feed-events.ts';
import type { FeedLease } from './feeds.ts';
import type { Capture } from './capture.ts';
import type { FeedReader, RenditionFeed } from './rendition-feed.ts';
import type { ViewerTimeline } from './viewer-timeline.ts';

/**
 * Sound that is encoded here lags the picture by its encoder (45 ms) and by the receiver's buffer (65 ms). A receiver that is told so holds the
 * picture back as long, and the picture is what people wait for. So encoded sound is stamped this much later than it is:
 * nobody notices up to 125 ms (ITU-R BT.1359-1, figure 2: detectability of sound that comes late).
 */
const UNNOTICED_LAG = millis(80);

/** What an audio path is made of. */
export type AudioPathOptions = {
  readonly take: (broadcast: BroadcastId, track: TrackName, reader: FeedReader) => FeedLease;
  readonly send: (frame: PacketizedFrame) => void;
  readonly capture: (capture: Capture) => void;
  /** A message belongs to the frame that was just sent with this timestamp. */
  readonly event: (event: FeedEvent, timestamp: number) => void;
  readonly timeline: ViewerTimeline;
  readonly clock: MonotonicClock;
};

/** One viewer's sound: the newest frame as it comes, whatever becomes of the picture. */
export class AudioPath implements FeedReader {
  readonly #options: AudioPathOptions;
  #lease: FeedLease | undefined;
  #lag = millis(0);
  #last = -Infinity;
  /** Messages up to here, on the broadcast's timeline, were told. */
  #told: number | undefined;

  constructor(options: AudioPathOptions) {
    this.#options = options;
  }

  /** Sends this track from its next frame on; none where it is undefined. */
  follow(broadcast: BroadcastId, track: TrackName | undefined, isEncoded = false): void {
    const feed = this.#lease?.feed;
    if (feed?.broadcast === broadcast && feed.track === track) {
      return;
    }
    this.stop();
    this.#told = undefined;
    this.#lag = millis(isEncoded ? UNNOTICED_LAG : 0);
    this.#lease = track === undefined ? undefined : this.#options.take(broadcast, track, this);
  }

  /** Sends nothing more until the next {@link follow}. Idempotent. */
  stop(): void {
    this.#lease?.release();
    this.#lease = undefined;
  }

  fed(feed: RenditionFeed): void {
    const { timeline, clock, send, capture, event } = this.#options;
    const frame = feed.newest;
    if (frame === undefined || feed !== this.#lease?.feed || feed.isCatchingUp) {
      return;
    }
    const { timescale } = frame.config;
    const now = clock();
    timeline.enter(feed.broadcast, secondsOf(frame.timestamp, frame.config), now);
    const own = frame.timestamp + timeline.offset * timescale;
    const timestamp = ticks(Math.max(own + (this.#lag * timescale) / 1000, this.#last + 1));
    if (frame.index === 0 && feed.capture !== undefined) {
      capture(feed.capture);
    }
    this.#last = timestamp;
    timeline.sent(own / timescale, now);
    send(timestamp === frame.timestamp ? frame : { ...frame, timestamp });
    const after = this.#told ?? frame.timestamp - (TOLD_BACK * timescale) / 1000;
    this.#told = Math.max(after, frame.timestamp);
    for (const each of feed.eventsBetween(after, frame.timestamp)) {
      event(each, timestamp);
    }
  }
}
