import type { BroadcastId } from '#core/media/frame.ts';
import type { PacketizedFrame } from '#core/media/rtp/packetized-frame.ts';
import { millis, ticks, VIDEO_TIMESCALE, type Millis } from '#core/media/time.ts';
import type { TrackName } from '#core/media/track.ts';
import type { MonotonicClock } from '#core/rtc/monotonic.ts';

import { TOLD_BACK, type FeedEvent } from './feed-events.ts';
import type { FeedLease } from './feeds.ts';
import type { Capture } from './capture.ts';
import type { FeedReader, RenditionFeed } from './rendition-feed.ts';
import type { ViewerTimeline } from './viewer-timeline.ts';

/** Frames that were there before the viewer are sent 1 ms of RTP time apart, so that the newest is at its true time. */
const SQUEEZED = VIDEO_TIMESCALE / 1000;

/** What was there before a viewer came is sent at this many times the estimate, as the pacer does with a large frame. */
const PACE_AT_START = 2.5;

/** Later on the path is known. */
const PACE = 1.2;

/** A rung that is begun at once follows on a collapse: what it brings must not stand in the queue that it is there to empty. */
const PACE_IN_A_JAM = 0.7;

/** Of what was there before, only so much is handed over ahead of its pace: a key frame that comes meanwhile replaces the rest. */
const MAX_AHEAD = millis(20);

/** An encoded rung lags the source by 50 to 150 ms. Beyond this its key frame is not waited for, and the old rung goes on. */
const MAX_HOLD = millis(400);

/** Once the new rung has its key frame, the old one has so long to come to the same instant. */
const MAX_WAIT_FOR_OLD = millis(300);

/** A source that sent nothing for so long has stalled. */
const STALLED = millis(1000);

/** Layers of one publisher come side by side: a key frame this much behind the other layer's last frame still follows it. */
const SIDE_BY_SIDE = VIDEO_TIMESCALE / 10;

/** A rung that a viewer is sent, or is to be. */
export type PathRung = {
  readonly broadcast: BroadcastId;
  readonly track: TrackName;
  /** Encoded here: its key frames come later than the source's, at the same instants of media time. */
  readonly encoded: boolean;
};

/** How a rung is changed: at the next instant at which both have a key frame, or at once from the newest one. */
export type SwitchManner = 'at-shared-idr' | 'at-once';

/** Where frames go. */
export interface VideoOut {
  /** Sends a frame; false where it, and so everything up to the next key frame, was refused. */
  sendVideo(frame: PacketizedFrame): boolean;
  /** Forgets what was handed over and not begun to be sent: a key frame follows. */
  dropQueued(): void;
  /** Bits per second that the path is thought to carry. */
  estimate(): number;
  /** Undefined before the first measurement. */
  rtt(): Millis | undefined;
}

/** What a path tells of. Calls must not throw. */
export interface PathObserver {
  /** From now on frames of `to` are sent. */
  switched(from: PathRung | undefined, to: PathRung): void;
  /** The rung that was wished for had no key frame in time; the old one goes on. */
  abandoned(wish: PathRung): void;
  /** Frames of another group, captured then, are being sent. */
  capture(capture: Capture): void;
  /** A message belongs to the frame that was just sent with this timestamp, or to one before it that was not sent. */
  event(event: FeedEvent, timestamp: number): void;
  /** Something waits for time to pass: {@link VideoPath.tick} is due in some milliseconds. */
  waits(): void;
}

/** What a path is made of. */
export type VideoPathOptions = {
  readonly take: (rung: PathRung, reader: FeedReader) => FeedLease;
  readonly out: VideoOut;
  readonly timeline: ViewerTimeline;
  readonly observer: PathObserver;
  readonly clock: MonotonicClock;
};

type Current = { readonly rung: PathRung; readonly lease: FeedLease };
type Pending = Current & { readonly manner: SwitchManner; heldSince: Millis | undefined; keySince: Millis | undefined };

/**
 * One viewer's way through the rungs of a stream: what to send next, from which rung, with which timestamp. What it sends can always be
 * decoded: a rung begins with a key frame and goes on without a hole.
 */
export class VideoPath implements FeedReader {
  readonly #options: VideoPathOptions;
  #current: Current | undefined;
  #pending: Pending | undefined;
  /** Number of the current feed's frame that is next. */
  #cursor = 0;
  #squeezing = false;
  #sent = 0;
  /** When what was handed over of a backlog will be sent at its pace. */
  #pacedUntil = millis(0);
  #pace = PACE_AT_START;
  /** Presentation time of the last frame, on its broadcast's timeline, and its timestamp as sent. */
  #lastPts: number | undefined;
  #lastTimestamp: number | undefined;
  #keySentAt: Millis | undefined;
  #sentAt: Millis | undefined;
  #capture: Capture | undefined;
  /** Messages up to here, on the broadcast's timeline, were told. */
  #told: number | undefined;

  constructor(options: VideoPathOptions) {
    this.#options = options;
  }

  /** The rung that is being sent. */
  get current(): PathRung | undefined {
    return this.#current?.rung;
  }

  /** The rung that is to come. */
  get pending(): PathRung | undefined {
    return this.#pending?.rung;
  }

  /** Frames handed over so far, refused ones included. */
  get sent(): number {
    return this.#sent;
  }

  /** Bits per second of the rung that is being sent; undefined before they are measured. */
  get bitrate(): number | undefined {
    return this.#current?.lease.feed.bitrate;
  }

  /** Whether {@link tick} is needed: something waits for time to pass. */
  get waiting(): boolean {
    const feed = this.#current?.lease.feed;
    return this.#pending?.keySince !== undefined || (feed !== undefined && this.#cursor < feed.end && !feed.isCatchingUp);
  }

  /** Wishes for a rung. The wish before, where it is not fulfilled yet, is forgotten. */
  go(rung: PathRung, manner: SwitchManner): void {
    if (this.#pending !== undefined) {
      if (same(this.#pending.rung, rung) && this.#pending.manner === manner) {
        return;
      }
      this.cancel();
    }
    if (this.#current === undefined || !same(this.#current.rung, rung)) {
      this.#pending = { rung, manner, lease: this.#options.take(rung, this), heldSince: undefined, keySince: undefined };
    }
    this.fed();
  }

  /** Sends nothing more. A later {@link go} begins anew; timestamps go on. */
  stop(): void {
    this.cancel();
    this.#current?.lease.release();
    this.#current = undefined;
  }

  fed(): void {
    this.#pump();
    if (this.waiting) {
      this.#options.observer.waits();
    }
  }

  /** Goes on where it waited for time to pass. */
  tick(): void {
    this.#pump();
  }

  /** Forgets the rung that was to come. */
  cancel(): void {
    this.#pending?.lease.release();
    this.#pending = undefined;
  }

  /** The peer cannot decode what comes: sends the newest group from its key frame on. */
  keyRequest(): void {
    const { clock, out } = this.#options;
    const key = this.#current?.lease.feed.newestKey;
    const answered = this.#keySentAt !== undefined && clock() - this.#keySentAt < (out.rtt() ?? 0);
    // Browsers ask every few seconds while nothing comes. The same frames again would tell them that the stream runs later now.
    const isStalled = this.#sentAt === undefined || clock() - this.#sentAt > STALLED;
    if (key !== undefined && key < this.#cursor && !answered && !isStalled) {
      out.dropQueued();
      this.#cursor = key;
      this.#squeezing = true;
      this.fed();
    }
  }

  #pump(): void {
    for (;;) {
      this.#switchWhereDue();
      if (this.#current === undefined) {
        return;
      }
      const { feed } = this.#current.lease;
      const frame = feed.at(this.#cursor);
      if (frame === undefined) {
        if (this.#cursor >= feed.end) {
          return;
        }
        // It fell out of the feed while this viewer was behind.
        this.#cursor = feed.newestKey ?? feed.end;
      } else if (this.#newerKey(feed)) {
        this.#cursor = feed.newestKey ?? feed.end;
        this.#options.out.dropQueued();
      } else if (feed.isCatchingUp) {
        // What was held back is not shown late, but as fast as it can be once all of it is here.
        this.#squeezing = true;
        return;
      } else if (this.#isHeld(frame) || (this.#isBehind(feed) && this.#pacedUntil > this.#options.clock() + MAX_AHEAD)) {
        return;
      } else {
        this.#send(feed, frame);
      }
    }
  }

  #isBehind(feed: RenditionFeed): boolean {
    return feed.end - this.#cursor > 1;
  }

  /** Whoever is behind a newer key frame needs nothing that comes before it. While a rung is held, the held frames are still to come. */
  #newerKey(feed: RenditionFeed): boolean {
    return this.#squeezing && feed.newestKey !== undefined && feed.newestKey > this.#cursor;
  }

  #switchWhereDue(): void {
    const pending = this.#pending;
    if (pending === undefined) {
      return;
    }
    const { feed } = pending.lease;
    if (this.#current?.rung.broadcast !== pending.rung.broadcast || pending.manner === 'at-once' || this.#lastPts === undefined) {
      if (feed.newestKey !== undefined && !feed.isCatchingUp) {
        this.#begin(pending, feed.newestKey, true);
      }
      return;
    }
    const key = feed.keyAfter(ticks(this.#lastPts - (pending.rung.encoded ? 0 : SIDE_BY_SIDE)));
    const start = key === undefined ? undefined : feed.at(key)?.timestamp;
    if (key === undefined || start === undefined) {
      return;
    }
    const next = this.#current.lease.feed.at(this.#cursor);
    const now = this.#options.clock();
    pending.keySince ??= now;
    if (next === undefined ? now - pending.keySince >= MAX_WAIT_FOR_OLD : next.timestamp >= start) {
      this.#begin(pending, key, false);
    }
  }

  #begin(pending: Pending, key: number, squeeze: boolean): void {
    const { timeline, observer, clock, out } = this.#options;
    const from = this.#current?.rung;
    if (from?.broadcast !== pending.rung.broadcast) {
      this.#told = undefined;
    }
    if (squeeze) {
      out.dropQueued();
      this.#pace = from === undefined ? PACE_AT_START : PACE_IN_A_JAM;
    }
    this.#current?.lease.release();
    this.#current = pending;
    this.#pending = undefined;
    this.#cursor = key;
    this.#squeezing = squeeze;
    const newest = pending.lease.feed.newest?.timestamp ?? 0;
    timeline.enter(pending.rung.broadcast, newest / VIDEO_TIMESCALE, clock());
    observer.switched(from, pending.rung);
  }

  /** Whether a frame, the first of a group, waits for the lagging rung that takes over there. */
  #isHeld(frame: PacketizedFrame): boolean {
    const pending = this.#pending;
    if (pending?.manner !== 'at-shared-idr' || !pending.rung.encoded || frame.index !== 0) {
      return false;
    }
    const newest = pending.lease.feed.newest?.timestamp;
    if (newest === undefined || newest >= frame.timestamp) {
      return false;
    }
    const now = this.#options.clock();
    pending.heldSince ??= now;
    if (now - pending.heldSince < MAX_HOLD) {
      return true;
    }
    this.cancel();
    this.#options.observer.abandoned(pending.rung);
    return false;
  }

  #send(feed: RenditionFeed, frame: PacketizedFrame): void {
    const { out, timeline, observer, clock } = this.#options;
    const timestamp = this.#timestampOf(feed, frame);
    const now = clock();
    if (this.#isBehind(feed)) {
      this.#pacedUntil = millis(Math.max(this.#pacedUntil, now) + (frame.byteLength * 8000) / (this.#pace * Math.max(out.estimate(), 1)));
    }
    this.#cursor += 1;
    this.#sent += 1;
    if (this.#cursor === feed.end) {
      this.#squeezing = false;
      this.#pace = PACE;
    }
    if (frame.index === 0 && feed.capture !== undefined && feed.capture !== this.#capture) {
      this.#capture = feed.capture;
      observer.capture(feed.capture);
    }
    this.#lastPts = frame.timestamp;
    if (!out.sendVideo(timestamp === frame.timestamp ? frame : { ...frame, timestamp: ticks(timestamp) })) {
      return;
    }
    this.#lastTimestamp = timestamp;
    this.#sentAt = now;
    timeline.sent(timestamp / VIDEO_TIMESCALE, now);
    if (frame.key) {
      this.#keySentAt = now;
    }
    this.#tellEvents(feed, frame, timestamp);
  }

  /** Of frames that were left out, messages come with the next one. */
  #tellEvents(feed: RenditionFeed, frame: PacketizedFrame, timestamp: number): void {
    const after = this.#told ?? frame.timestamp - (TOLD_BACK * VIDEO_TIMESCALE) / 1000;
    this.#told = Math.max(after, frame.timestamp);
    for (const event of feed.eventsBetween(after, frame.timestamp)) {
      this.#options.observer.event(event, timestamp);
    }
  }

  #timestampOf(feed: RenditionFeed, frame: PacketizedFrame): number {
    const offset = Math.round(this.#options.timeline.offset * VIDEO_TIMESCALE);
    const after = feed.end - 1 - this.#cursor;
    const newest = feed.newest?.timestamp ?? frame.timestamp;
    const own = this.#squeezing ? Math.max(frame.timestamp, newest - after * SQUEEZED) : frame.timestamp;
    const least = this.#lastTimestamp === undefined ? own + offset : this.#lastTimestamp + SQUEEZED;
    return Math.max(own + offset, least);
  }
}

function same(a: PathRung, b: PathRung): boolean {
  return a.track === b.track && a.broadcast === b.broadcast;
}
