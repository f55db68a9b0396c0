import { randomInt } from 'node:crypto';

import type { Bus, Unsubscribe } from '#core/bus/bus.ts';
import type { BroadcastInfo, Rendition, StreamName } from '#core/bus/catalog.ts';
import { elapsed, millis, type Clock, type WallTime } from '#core/media/time.ts';
import type { Logger } from '#core/runtime/log.ts';
import { monotonicClock, type MonotonicClock } from '#core/rtc/monotonic.ts';
import type { RestartAnswer } from '#core/rtc/sdp/fragment.ts';
import type { SessionOffer } from '#core/rtc/sdp/session-offer.ts';
import { writeAnswer } from '#core/rtc/sdp/write-answer.ts';
import { Refusal } from '#core/rtc/signalling/refusal.ts';
import { defaultTicker, type Ticker } from '#core/rtc/ticker.ts';
import type { CloseReason, IceCredentials, RtcTransport } from '#core/rtc/transport.ts';

import { Channel } from './channel.ts';
import { Feeds } from './feeds.ts';
import type { Layer, LayerWish } from './layers.ts';
import { EgressCounts } from './egress-counts.ts';
import { negotiate } from './negotiate.ts';
import type { ClockPoint, MetadataPoint } from './sender-output.ts';
import type { Estimate } from './viewer-reports.ts';
import { Viewer, type ViewerObserver, type ViewerOptions } from './viewer.ts';

/** Viewers of a broadcast that is over wait so long for the stream's next one. */
const NEXT_BROADCAST = millis(10_000);

/** What a viewer is told of, beside the media. */
export type ViewerEvent =
  | { readonly name: 'active'; readonly data: { readonly broadcast: string } }
  | { readonly name: 'inactive'; readonly data: { readonly state: 'interrupted' | 'ended' } }
  | { readonly name: 'layers'; readonly data: Readonly<Record<string, readonly Layer[]>> }
  | { readonly name: 'clock'; readonly data: ClockPoint }
  | { readonly name: 'metadata'; readonly data: MetadataPoint }
  | { readonly name: 'estimate'; readonly data: Estimate };

/** Who hears of viewers. Calls must not throw. */
export interface EgressObserver {
  /** The viewer is through: until then nobody may ever come. */
  connected(viewer: string): void;
  event(viewer: string, event: ViewerEvent): void;
  ended(viewer: string, reason: CloseReason): void;
}

/** What an egress is made of: nothing that could not be in a worker thread. */
export type EgressOptions = {
  readonly bus: Bus;
  readonly rtc: RtcTransport;
  readonly observer: EgressObserver;
  readonly log: Logger;
  /** Wall time, for what expires. */
  readonly clock: Clock;
  readonly monotonic?: MonotonicClock;
  readonly ticker?: Ticker;
  readonly createSender?: ViewerOptions['createSender'];
};

/** A viewer to be made. */
export type ViewerRequest = { readonly id: string; readonly stream: StreamName; readonly offer: SessionOffer };

/** The WebRTC viewers of one thread: their sessions, the feeds they share, the broadcasts they follow. */
export class Egress {
  readonly counts = new EgressCounts();
  readonly #options: EgressOptions;
  readonly #feeds: Feeds;
  readonly #channels = new Map<StreamName, Channel>();
  readonly #endedAt = new Map<Channel, WallTime>();
  readonly #viewers = new Map<string, Viewer>();
  /** The `layers` that each viewer was told last, as text. */
  readonly #told = new Map<string, string>();
  readonly #unsubscribe: Unsubscribe;
  #isClosed = false;

  constructor(options: EgressOptions) {
    const { bus, clock, log } = options;
    this.#options = options;
    this.#feeds = new Feeds({ bus, clock, log, lost: (groups) => this.counts.lost(groups) });
    this.#unsubscribe = bus.onBroadcast((info) => this.#announced(info));
  }

  /** Viewers, those that are still connecting included. */
  get size(): number {
    return this.#viewers.size;
  }

  get viewers(): ReadonlyMap<string, Viewer> {
    return this.#viewers;
  }

  /** Renditions that are packetised now. */
  get feeds(): number {
    return this.#feeds.count;
  }

  /**
   * Makes a viewer and gives the answer to its offer.
   *
   * @throws {Refusal} 409 `offline`, 422 `whep/no-codec`, 503 `http/stopping`.
   * @throws {MillraceError} as `RtcTransport.open`.
   */
  create({ id, stream, offer }: ViewerRequest): string {
    const { rtc, monotonic = monotonicClock, ticker = defaultTicker(), createSender } = this.#options;
    const channel = this.#channels.get(stream);
    if (this.#isClosed) {
      throw new Refusal(503, 'http/stopping', 'The server is stopping.', { retryAfter: 1 });
    }
    if (channel?.info.state !== 'live') {
      throw new Refusal(409, 'offline', 'The stream is off air.', { retryAfter: 1 });
    }
    const negotiated = negotiate({ offer, ladder: channel.ladder, cname: stream, ssrc: () => randomInt(1, 0xffff_ffff) });
    const viewer = new Viewer({
      id, channel, negotiated, ticker, clock: monotonic, feeds: this.#feeds, batch: rtc.batch, observer: this.#observer(),
      ...(createSender === undefined ? {} : { createSender }),
    });
    try {
      const session = rtc.open({ ice: offer.ice, fingerprints: offer.fingerprints, setup: offer.setup }, viewer);
      viewer.attach(session);
      this.#viewers.set(id, viewer);
      this.#options.log.debug({ stream, viewer: id.slice(0, 6) }, 'a WebRTC viewer comes');
      this.#tellState(viewer);
      viewer.channelChanged();
      return writeAnswer({ offer, media: negotiated.media, ice: session.local, fingerprint: rtc.fingerprint, candidates: rtc.candidates });
    } catch (thrown) {
      viewer.close();
      throw thrown;
    }
  }

  /** ICE restart of a viewer; undefined where it is gone. */
  restart(id: string, ice: IceCredentials): RestartAnswer | undefined {
    const session = this.#viewers.get(id)?.session;
    return session && { ice: session.restart(ice), candidates: this.#options.rtc.candidates };
  }

  /** A viewer's wish for the picture. False where there is no such rung, or no such viewer. */
  wish(id: string, wish: LayerWish): boolean {
    return this.#viewers.get(id)?.wish(wish) ?? false;
  }

  /** Ends a viewer's session. Idempotent. */
  remove(id: string): void {
    this.#viewers.get(id)?.close();
  }

  /** Ends sessions whose broadcast is over and had no successor, and feeds that nobody reads. Call it about once a second. */
  expire(now: WallTime): void {
    this.#feeds.expire(now);
    for (const [channel, endedAt] of this.#endedAt) {
      if (elapsed(endedAt, now) >= NEXT_BROADCAST) {
        [...channel.followers].forEach((viewer) => (viewer as Viewer).close());
        channel.close();
        this.#channels.delete(channel.stream);
        this.#endedAt.delete(channel);
      }
    }
  }

  /** Says goodbye to everybody. Idempotent. */
  close(): void {
    this.#isClosed = true;
    this.#unsubscribe();
    [...this.#viewers.values()].forEach((viewer) => viewer.close());
    this.#channels.forEach((channel) => channel.close());
    this.#channels.clear();
    this.#feeds.close();
  }

  #announced(info: BroadcastInfo): void {
    let channel = this.#channels.get(info.stream);
    const before = channel?.info;
    if (channel === undefined) {
      if (info.state === 'ended') {
        return;
      }
      channel = new Channel(this.#options.bus, info);
      this.#channels.set(info.stream, channel);
      return;
    }
    channel.announced(info);
    if (channel.info.state === 'ended') {
      this.#endedAt.set(channel, this.#endedAt.get(channel) ?? this.#options.clock());
    } else {
      this.#endedAt.delete(channel);
    }
    if (before?.broadcast !== channel.info.broadcast || before.state !== channel.info.state) {
      channel.followers.forEach((viewer) => this.#tellState(viewer as Viewer));
    }
  }

  #tellState({ id, channel }: Viewer): void {
    const { state, broadcast } = channel.info;
    this.#options.observer.event(id, state === 'live' ? { name: 'active', data: { broadcast } } : { name: 'inactive', data: { state } });
  }

  #observer(): ViewerObserver {
    return {
      layersChanged: (viewer) => this.#tellLayers(viewer),
      switched: (from: Rendition | undefined, to: Rendition | undefined) => this.counts.switched(from, to),
      keyRequested: () => this.counts.keyRequested(),
      clock: ({ id }, data) => this.#options.observer.event(id, { name: 'clock', data }),
      metadata: ({ id }, data) => this.#options.observer.event(id, { name: 'metadata', data }),
      estimate: ({ id }, data) => this.#options.observer.event(id, { name: 'estimate', data }),
      connected: (viewer) => this.#options.observer.connected(viewer.id),
      ended: (viewer, reason) => {
        this.counts.ended(viewer.stats);
        this.#told.delete(viewer.id);
        if (this.#viewers.delete(viewer.id)) {
          this.#options.log.debug({ stream: viewer.channel.stream, viewer: viewer.id.slice(0, 6), reason }, 'a WebRTC viewer left');
          this.#options.observer.ended(viewer.id, reason);
        }
      },
    };
  }

  #tellLayers(viewer: Viewer): void {
    const { rungs, videoIndex, id } = viewer;
    if (rungs === undefined || videoIndex === undefined || !this.#viewers.has(id)) {
      return;
    }
    const data = { [String(videoIndex)]: rungs.describe((this.#options.monotonic ?? monotonicClock)()) };
    const text = JSON.stringify(data);
    if (this.#told.get(id) !== text) {
      this.#told.set(id, text);
      this.#options.observer.event(id, { name: 'layers', data });
    }
  }
}
