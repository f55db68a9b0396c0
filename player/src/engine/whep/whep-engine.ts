import type { Millis, WallTime } from '#core/media/time.ts';
import type { EventPlace } from '../../events/timed-message.ts';
import type { Edges } from '../../edges/edges.ts';
import type { Engine, EngineListener, EngineRung, NetworkFigures } from '../engine.ts';
import { failureOf } from '../engine-error.ts';
import { rungLabel } from '../rung-label.ts';
import { holdStill } from '../still.ts';
import { FrameWatch } from './frame-watch.ts';
import { LayerChannel } from './layer-channel.ts';
import type { Layer } from './layer-channel.ts';
import { PathWatch } from './path-watch.ts';
import { RtcMeter } from './rtc-meter.ts';
import { WhepConnection } from './whep-connection.ts';
import { serverOf } from './whep-links.ts';

/** Options of {@link WhepEngine}. */
export type WhepEngineOptions = {
  readonly video: HTMLVideoElement;
  /** The stream's WHEP endpoint. */
  readonly url: string;
  readonly choice: number | 'auto';
  /** How much longer media may take to come once the server is connected. Default: no longer than LL-HLS, which comes next, would take. */
  readonly patience?: Millis | undefined;
  /** A session that was begun already: early, or beside another engine. */
  readonly connection?: WhepConnection | undefined;
  /** Who serves; without it, whoever the URL names. */
  readonly edges?: Edges | undefined;
  readonly listener: EngineListener;
};

/**
 * Media have this long to come, from the offer on: LL-HLS, which comes next, takes most of a second to begin, and after three
 * seconds in all viewers want to see something. Who is connected already gets a little more.
 */
const patience = 1_800;
const patienceConnected = 500;

/** An early session may be this old before its engine takes it over; then it has at least this long. */
const leastPatience = 400;

/** A new session in place of one that has died in the middle has this long. */
const renewPatience = 1_600;

/** A frame older than this means that the picture stands, and the clock with it. */
const standing = 500;

/** WebRTC by WHEP. */
export class WhepEngine implements Engine {
  readonly kind = 'webrtc';
  readonly throughput = undefined;
  readonly partTarget = undefined;
  readonly #options: WhepEngineOptions;
  readonly #meter = new RtcMeter(() => this.#frames?.shownFrame);
  #connection: WhepConnection;
  #frames: FrameWatch | undefined;
  #path: PathWatch | undefined;
  #channel: LayerChannel | undefined;
  #layers: readonly Layer[] = [];
  #size: { readonly width: number; readonly height: number } | undefined;
  #choice: number | 'auto';
  #asked: string | undefined;
  #next: WhepConnection | undefined;
  #renewing = false;
  /** No packets come any more, and no restart has helped. */
  #isLost = false;
  #destroyed = false;
  readonly #unlisten: (() => void) | undefined;

  constructor(options: WhepEngineOptions) {
    this.#options = options;
    this.#choice = options.choice;
    const { connection, edges, url } = options;
    this.#connection = connection === undefined || connection.left ? new WhepConnection(edges?.url(url) ?? url) : connection;
    this.#unlisten = edges?.onMove(() => this.#follow());
  }

  start(): void {
    void this.#begin();
  }

  get loading(): number {
    return this.#shown();
  }

  get choice(): number | 'auto' {
    return this.#choice;
  }

  set choice(choice: number | 'auto') {
    this.#choice = choice;
    this.#ask();
  }

  get network(): NetworkFigures | undefined {
    return this.#meter.figures;
  }

  get lastFrameAt(): number | undefined {
    return this.#frames?.lastFrameAt;
  }

  shownAt(): WallTime | undefined {
    const now = performance.now();
    const last = this.#frames?.lastFrameAt ?? now;
    const at = now - last > standing ? last : now;
    return this.#meter.playedAt(at);
  }

  playedTimestamp(): Extract<EventPlace, { kind: 'rtp' }> | undefined {
    return this.#meter.playedTimestamp();
  }

  livePosition(): undefined {
    return undefined;
  }

  destroy(): void {
    if (this.#destroyed) {
      return;
    }
    this.#destroyed = true;
    this.#unlisten?.();
    this.#next?.leave();
    const { video } = this.#options;
    if (video.srcObject === this.#connection.stream) {
      video.srcObject = null;
    }
    this.#let(this.#connection);
  }

  async #begin(): Promise<void> {
    const { listener } = this.#options;
    const connection = this.#connection;
    this.#show(connection);
    try {
      await this.#mediaInTime(connection);
      if (!this.#destroyed) {
        this.#attend(connection);
      }
    } catch (error) {
      const failure = failureOf(error);
      if (this.#destroyed) {
        return;
      }
      const isDead = failure.kind === 'network' && (await this.#options.edges?.suspect(serverOf(connection.url))) === false;
      if (isDead) {
        await this.#renew();
      } else if (!this.#destroyed) {
        listener.failed(failure);
      }
    }
  }

  async #mediaInTime(connection: WhepConnection): Promise<void> {
    const until = Math.max(connection.begunAt + patience, performance.now() + leastPatience);
    try {
      await connection.media(until);
    } catch (error) {
      if (connection.peer.connectionState !== 'connected' || performance.now() < until - 1) {
        throw error;
      }
      await connection.media(until + (this.#options.patience ?? patienceConnected));
    }
  }

  /** Puts a session's picture on the element. */
  #show(connection: WhepConnection): void {
    const { video } = this.#options;
    this.#frames?.close();
    this.#frames = new FrameWatch(video, (width, height) => this.#onSize(width, height));
    video.srcObject = connection.stream;
  }

  /** Media flow: measure, listen to the server, and see to it that they go on. */
  #attend(connection: WhepConnection): void {
    const { listener, edges } = this.#options;
    if (connection.wasSentOn) {
      edges?.route.moveTo(serverOf(connection.url), 'sent');
    }
    this.#isLost = false;
    this.#meter.watch(connection.peer);
    this.#channel = new LayerChannel(connection.links, {
      layers: (layers) => this.#onLayers(layers),
      active: () => this.#path?.speaks(),
      clock: (point) => {
        this.#meter.clock.point = point;
      },
      inactive: (state) => (state === 'ended' ? listener.ended() : this.#path?.falls()),
      move: (to) => edges?.leave(serverOf(connection.url), to),
      interrupted: () => this.#suspect(),
      metadata: (event) => listener.event(event),
      estimate: (bits) => {
        this.#meter.estimate = bits;
      },
    });
    this.#path = new PathWatch({
      connection,
      lastFrameAt: () => this.lastFrameAt,
      suspicious: () => this.#suspect(),
      troubled: (detail) => listener.troubled(detail),
      recovered: () => listener.recovered(),
      lost: () => {
        this.#isLost = true;
        void this.#renew();
      },
    });
  }

  /** Something is wrong with the server, not only with the path to it: sees whether it lives. Where it does not, the route moves, and the session with it. */
  #suspect(): void {
    void this.#options.edges?.suspect(serverOf(this.#connection.url));
  }

  /** Another edge is in use: a session there takes over from this one. */
  #follow(): void {
    const { edges } = this.#options;
    if (this.#path !== undefined && edges !== undefined && serverOf(this.#connection.url) !== edges.route.base) {
      void this.#renew();
    }
  }

  /** The path is lost, or the server is leaving: a new session, beside the old one's picture. */
  async #renew(): Promise<void> {
    if (this.#renewing || this.#destroyed) {
      return;
    }
    this.#renewing = true;
    try {
      const next = await this.#another();
      await this.#take(next);
      this.#renewing = false;
      // The route may have gone on meanwhile.
      this.#follow();
    } catch (error) {
      // A server that only wants to be left goes on for a while.
      if (!this.#destroyed && (this.#isLost || !this.#flows)) {
        this.#options.listener.failed(failureOf(error));
      }
    } finally {
      this.#renewing = false;
    }
  }

  /** A session that has media, at the edge in use or, where that fails, at one after it. */
  async #another(): Promise<WhepConnection> {
    const { url, edges } = this.#options;
    const tried = new Set<string>();
    for (;;) {
      const endpoint = edges?.url(url) ?? url;
      tried.add(endpoint);
      const next = new WhepConnection(endpoint);
      this.#next = next;
      try {
        await next.media(performance.now() + renewPatience);
        return next;
      } catch (error) {
        next.leave();
        const { kind } = failureOf(error);
        const isServer = kind === 'network' || kind === 'full' || kind === 'blocked';
        const moved = !this.#destroyed && isServer && edges?.route.failed(serverOf(endpoint)) === true;
        // Where the session goes on at the server that it is at, another one there would be no better.
        const isBack = !this.#isLost && edges?.route.base === serverOf(this.#connection.url);
        if (!moved || isBack || tried.has(edges.url(url))) {
          throw error;
        }
      } finally {
        this.#next = undefined;
      }
    }
  }

  async #take(next: WhepConnection): Promise<void> {
    const { listener, video } = this.#options;
    if (this.#destroyed) {
      next.leave();
      return;
    }
    holdStill(video);
    const old = this.#connection;
    this.#connection = next;
    this.#let(old);
    this.#show(next);
    await video.play().catch(() => undefined);
    if (!this.#destroyed) {
      this.#attend(next);
      listener.recovered();
    }
  }

  get #flows(): boolean {
    return performance.now() - (this.lastFrameAt ?? -Infinity) < standing;
  }

  #let(connection: WhepConnection): void {
    this.#path?.close();
    this.#channel?.close();
    this.#meter.watch(undefined);
    this.#asked = undefined;
    this.#frames?.close();
    connection.leave();
  }

  #onSize(width: number, height: number): void {
    this.#size = { width, height };
    if (this.#layers.length === 0) {
      // Servers without the extension: at least what is playing has a name.
      const only: EngineRung = { label: rungLabel(width, height, 0), width, height, bitrate: 0 };
      this.#options.listener.rungs([only]);
    }
    this.#tellShown();
  }

  #onLayers(layers: readonly Layer[]): void {
    if (layers.length === 0) {
      return;
    }
    this.#layers = layers;
    this.#options.listener.rungs(layers.map(({ label, width, height, bitrate }) => ({ label, width, height, bitrate })));
    this.#ask();
    this.#tellShown();
  }

  /** Asks for what the viewer chose, where it is not what was asked for last. */
  #ask(): void {
    const wanted = this.#choice === 'auto' ? undefined : this.#layers[this.#choice]?.encodingId;
    if (this.#layers.length > 0 && wanted !== this.#asked) {
      this.#asked = wanted;
      this.#channel?.choose(wanted);
    }
  }

  #tellShown(): void {
    const shown = this.#shown();
    if (shown >= 0) {
      this.#options.listener.shown(shown);
    }
  }

  /** The decoded size says what is shown; the server tells apart renditions of one size. */
  #shown(): number {
    const size = this.#size;
    if (size === undefined) {
      return -1;
    }
    if (this.#layers.length === 0) {
      return 0;
    }
    const fits = ({ width, height }: Layer): boolean => width === size.width && height === size.height;
    const current = this.#layers.findIndex((layer) => layer.current);
    const told = this.#layers[current];
    return told !== undefined && (fits(told) || !this.#layers.some(fits)) ? current : this.#layers.findIndex(fits);
  }
}
