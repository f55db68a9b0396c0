import type { Rendition } from '#core/bus/catalog.ts';
import { millis, type Millis } from '#core/media/time.ts';
import type { MonotonicClock } from '#core/rtc/monotonic.ts';
import { MediaSender, type MediaSenderOptions, type SenderStats } from '#core/rtc/sender/media-sender.ts';
import type { Ticked, Ticker } from '#core/rtc/ticker.ts';
import type { CloseReason, PacketSink, RtcSession, SessionHandler } from '#core/rtc/transport.ts';
import type { PacketBatch } from '#core/rtc/packet-batch.ts';

import { AudioPath } from './audio-path.ts';
import type { Channel } from './channel.ts';
import type { FeedEvent } from './feed-events.ts';
import type { Feeds } from './feeds.ts';
import type { LayerWish } from './layers.ts';
import type { Negotiated } from './negotiate.ts';
import type { Capture } from './capture.ts';
import { RungPilot } from './rung-pilot.ts';
import { fittingRenditions } from './rungs.ts';
import { SenderOutput, type ClockPoint, type MetadataPoint, type ViewerSender } from './sender-output.ts';
import { VideoPath } from './video-path.ts';
import { ViewerReports, type Estimate } from './viewer-reports.ts';
import { ViewerTimeline } from './viewer-timeline.ts';

/** How often the rung is thought over, besides whenever the estimate changes. */
const DECISION_INTERVAL = millis(200);

/** How soon what waits for time to pass is looked at again: the ticker's grain. */
const SOON = millis(5);

/** What a viewer tells of. Calls must not throw. */
export interface ViewerObserver {
  /** What is sent, or can be chosen, changed. */
  layersChanged(viewer: Viewer): void;
  /** From one rung to another; `from` is undefined at the beginning. */
  switched(from: Rendition | undefined, to: Rendition | undefined): void;
  keyRequested(): void;
  /** The peer is through. Once. */
  connected(viewer: Viewer): void;
  /** When what has which RTP timestamp was captured. */
  clock(viewer: Viewer, point: ClockPoint): void;
  /** A message of the broadcast, with its frame. */
  metadata(viewer: Viewer, point: MetadataPoint): void;
  /** What the path carries. */
  estimate(viewer: Viewer, estimate: Estimate): void;
  /** The session is over. The last call. */
  ended(viewer: Viewer, reason: CloseReason): void;
}

/** What a viewer is made of. */
export type ViewerOptions = {
  readonly id: string;
  readonly channel: Channel;
  readonly negotiated: Negotiated;
  readonly feeds: Feeds;
  readonly batch: PacketBatch;
  readonly clock: MonotonicClock;
  readonly ticker: Ticker;
  readonly observer: ViewerObserver;
  /** Tests hand in their own. */
  readonly createSender?: (options: MediaSenderOptions) => ViewerSender;
};

/** One WHEP session: joins the feeds of a channel with the sender of a peer, and follows the channel for as long as both are there. */
export class Viewer implements SessionHandler, Ticked {
  readonly id: string;
  readonly channel: Channel;
  readonly #options: ViewerOptions;
  readonly #timeline = new ViewerTimeline();
  readonly #reports = new ViewerReports();
  readonly #out: SenderOutput;
  readonly #video: { readonly path: VideoPath; readonly pilot: RungPilot } | undefined;
  readonly #audio: AudioPath | undefined;
  #session: RtcSession | undefined;
  #decideAt = millis(0);
  #ended = false;

  constructor(options: ViewerOptions) {
    const { id, channel, negotiated } = options;
    this.id = id;
    this.channel = channel;
    this.#options = options;
    this.#out = new SenderOutput(negotiated, this.#timeline);
    this.#video = negotiated.video && this.#makeVideo();
    this.#audio = negotiated.audio && this.#makeAudio();
    channel.followers.add(this);
  }

  /** The rungs that this viewer can have, best first, what is being sent of them, and what was chosen. */
  get rungs(): RungPilot | undefined {
    return this.#video?.pilot;
  }

  /** Index of the picture's m-line; undefined without one. */
  get videoIndex(): number | undefined {
    return this.#options.negotiated.video?.index;
  }

  /** Undefined before the peer is connected. */
  get stats(): SenderStats | undefined {
    return this.#out.sender?.stats;
  }

  get session(): RtcSession | undefined {
    return this.#session;
  }

  /** Takes the session that this viewer handles. Once, at once. */
  attach(session: RtcSession): void {
    this.#session = session;
  }

  /** Takes a wish for the picture. @returns false where there is no such rung. */
  wish(wish: LayerWish): boolean {
    const taken = this.#video?.pilot.wish(wish, this.#options.clock()) ?? false;
    if (taken) {
      this.#decide();
      this.#options.observer.layersChanged(this);
    }
    return taken;
  }

  /** Says goodbye: BYE, then close_notify. Idempotent. */
  close(): void {
    this.#out.sender?.close();
    this.#session?.close();
    this.#release('closed');
  }

  connected(): void {
    const session = this.#session;
    if (session === undefined || this.#ended) {
      return;
    }
    const { createSender = (options) => new MediaSender(options) } = this.#options;
    this.#options.observer.connected(this);
    this.#out.sender = createSender(this.#senderOptions(session));
    this.channelChanged();
    this.#wake(DECISION_INTERVAL);
  }

  rtp(): void {
    // WHEP peers only receive.
  }

  rtcp(compound: Uint8Array, arrival: Millis): void {
    this.#out.sender?.rtcp(compound, arrival);
  }

  pathChanged(): void {
    this.#out.sender?.pathChanged();
    // What went to the old address is lost. The peer need not find out first.
    this.#video?.path.keyRequest();
  }

  closed(reason: CloseReason): void {
    this.#out.sender?.close();
    this.#release(reason);
  }

  channelChanged(): void {
    const { info, ladder } = this.channel;
    const { negotiated } = this.#options;
    if (info.state === 'ended') {
      this.#video?.path.stop();
      this.#audio?.stop();
      return;
    }
    if (negotiated.video !== undefined) {
      this.#video?.pilot.follow(info.broadcast, fittingRenditions(ladder, negotiated.video.media));
      this.#options.observer.layersChanged(this);
    }
    if (this.#out.sender !== undefined) {
      const sound = negotiated.audio && fittingRenditions(ladder, negotiated.audio.media)[0];
      this.#video?.pilot.reserve(sound?.bandwidth ?? 0);
      this.#audio?.follow(info.broadcast, sound?.track, sound?.mode === 'encoded');
      this.#decide();
    }
  }

  tick(now: Millis): Millis | undefined {
    if (this.#ended) {
      return undefined;
    }
    this.#video?.path.tick();
    if (now >= this.#decideAt) {
      this.#decide();
    }
    return this.#video?.path.waiting === true ? millis(now + SOON) : this.#decideAt;
  }

  #decide(): void {
    const { clock, observer } = this.#options;
    const now = clock();
    this.#decideAt = millis(now + DECISION_INTERVAL);
    const { sender } = this.#out;
    if (sender === undefined || this.channel.info.state === 'ended') {
      return;
    }
    const { stats } = sender;
    const estimate = this.#reports.estimate(stats, now);
    if (estimate !== undefined) {
      observer.estimate(this, estimate);
    }
    if (this.#video !== undefined) {
      const queueDelay = millis(stats.queueDelay + stats.queued.delay);
      const { demand } = this.#video.pilot.decide({ now, estimate: stats.estimate, queueDelay, live: this.channel.info.state === 'live' });
      sender.setDemand(demand);
    }
  }

  #makeVideo(): { readonly path: VideoPath; readonly pilot: RungPilot } {
    const { feeds, clock, observer } = this.#options;
    const path: VideoPath = new VideoPath({
      take: ({ broadcast, track }, reader) => feeds.take(broadcast, track, reader),
      out: this.#out,
      timeline: this.#timeline,
      clock,
      observer: {
        switched: (from, to) => {
          observer.switched(from && pilot.rendition(from.track), pilot.rendition(to.track));
          observer.layersChanged(this);
        },
        abandoned: ({ track }) => pilot.abandoned(track, clock()),
        capture: (capture) => this.#captured(capture),
        event: (event, timestamp) => this.#located(event, 'video', timestamp),
        waits: () => this.#wake(SOON),
      },
    });
    const pilot = new RungPilot(path);
    return { path, pilot };
  }

  #makeAudio(): AudioPath {
    const { feeds, clock } = this.#options;
    return new AudioPath({
      take: (broadcast, track, reader) => feeds.take(broadcast, track, reader),
      send: (frame) => this.#out.sendAudio(frame),
      // The picture's groups tell the time where there is a picture.
      capture: (capture) => (this.#video?.path.current === undefined ? this.#captured(capture) : undefined),
      event: (event, timestamp) => this.#located(event, 'audio', timestamp),
      timeline: this.#timeline,
      clock,
    });
  }

  #captured(capture: Capture): void {
    const { clock, observer } = this.#options;
    const point = this.#reports.clock(this.#out.captured(capture), clock());
    if (point !== undefined) {
      observer.clock(this, point);
    }
  }

  #located(event: FeedEvent, media: 'video' | 'audio', timestamp: number): void {
    const point = this.#out.located(event, media, timestamp);
    if (point !== undefined) {
      this.#options.observer.metadata(this, point);
    }
  }

  #senderOptions(session: RtcSession): MediaSenderOptions {
    const { negotiated, batch, clock, ticker, observer } = this.#options;
    const { video, audio, extensions, feedback } = negotiated;
    const sink: PacketSink = session;
    return {
      sink,
      batch,
      clock,
      ticker,
      extensions,
      feedback,
      initialEstimate: firstEstimate(session.rtt),
      ...(video === undefined ? {} : { video: video.stream }),
      ...(audio === undefined ? {} : { audio: audio.stream }),
      ...(session.rtt === undefined ? {} : { rtt: session.rtt }),
      handler: {
        keyRequest: () => {
          observer.keyRequested();
          this.#video?.path.keyRequest();
        },
        estimateChanged: () => this.#wake(SOON, true),
      },
    };
  }

  #wake(after: Millis, decide = false): void {
    const { ticker, clock } = this.#options;
    if (decide) {
      this.#decideAt = millis(0);
    }
    ticker.schedule(this, millis(clock() + after));
  }

  #release(reason: CloseReason): void {
    if (this.#ended) {
      return;
    }
    this.#ended = true;
    this.#options.ticker.cancel(this);
    this.#video?.path.stop();
    this.#audio?.stop();
    this.channel.followers.delete(this);
    this.#options.observer.ended(this, reason);
  }
}

/**
 * What a path may carry that nothing was sent on yet, in bits per second. A short round trip is a near network, where a whole group fits
 * at once; far away the start is what most connections carry.
 */
function firstEstimate(rtt: Millis | undefined): number {
  if (rtt === undefined || rtt > 80) {
    return 1_200_000;
  }
  return rtt > 15 ? 2_500_000 : 8_000_000;
}
