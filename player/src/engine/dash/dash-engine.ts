import { MediaPlayer } from 'dashjs';
import type { MediaPlayerClass, Representation } from 'dashjs';
import { wallTime } from '#core/media/time.ts';
import type { Millis, WallTime } from '#core/media/time.ts';
import { EVENT_SCHEME } from '#core/media/timed-event.ts';
import type { Edges } from '../../edges/edges.ts';
import type { Engine, EngineFailure, EngineListener } from '../engine.ts';
import { failureFromAnswer } from '../failure.ts';
import { rungLabel } from '../rung-label.ts';
import { holdStill } from '../still.ts';
import { dashSettings, startBehind } from './config.ts';
import { standsBeforeHole } from './hole.ts';
import { afterHole, isDynamic, periodAt, readDashEvent, readManifest } from './manifest.ts';
import type { DashPeriod } from './manifest.ts';
import { routeLoaders } from './routed-loaders.ts';

/** Options of {@link DashEngine}. */
export type DashEngineOptions = {
  readonly video: HTMLVideoElement;
  /** The manifest. */
  readonly url: string;
  readonly stream: string;
  /** CMCD session id: one per visit, so that a viewer who reconnects is counted once. */
  readonly sessionId: string;
  /** Bits per second believed in before anything was loaded. */
  readonly guess: number;
  readonly choice: number | 'auto';
  /** The server's clock. */
  readonly now: () => WallTime;
  /** Who serves; without it, whoever the URL names. */
  readonly edges?: Edges | undefined;
  readonly listener: EngineListener;
};

/** Away from the end of what is listed, which is a promise, seconds. */
const endMargin = 0.3;

/** So far behind where media begin a position is surely among them, seconds. */
const intoMedia = 0.03;

/** Media are there within so long, the code's own time to start included, or never: dash.js may have begun in a hole. Milliseconds. */
const showsWithin = 5_000;

/** The server has this long to say what is the matter, milliseconds. */
const explainWithin = 5_000;

/** dash.js's error codes that say that this browser cannot go on with the media: append, Media Source Extensions, types. */
const mediaErrors: ReadonlySet<number> = new Set([20, 21, 23, 34, 35]);

/** dash.js's names of what it tells. */
const events = {
  error: 'error',
  playbackError: 'playbackError',
  manifestLoaded: 'manifestLoaded',
  streamInitialized: 'streamInitialized',
  qualityRendered: 'qualityChangeRendered',
  bufferLevel: 'bufferLevelUpdated',
  abandoned: 'fragmentLoadingAbandoned',
  loaded: 'fragmentLoadingCompleted',
  toStatic: 'dynamicToStatic',
  ended: 'playbackEnded',
} as const;

/** LL-DASH by dash.js, on Media Source Extensions. */
export class DashEngine implements Engine {
  readonly kind = 'dash';
  readonly #options: DashEngineOptions;
  readonly #player: MediaPlayerClass;
  readonly #ends = new AbortController();
  #choice: number | 'auto';
  #rungs: readonly Representation[] = [];
  #told = '';
  #periods: readonly DashPeriod[] = [];
  #isLive = false;
  #troubled = false;
  #begun = false;
  #failing = false;
  #saidThatItPlays = false;
  #doubt: ReturnType<typeof setTimeout> | undefined;

  constructor(options: DashEngineOptions) {
    const { sessionId, stream, guess, choice, edges } = options;
    this.#options = options;
    this.#choice = choice;
    this.#player = MediaPlayer().create();
    if (edges !== undefined) {
      routeLoaders(this.#player, edges);
    }
    this.#player.updateSettings(dashSettings({ sessionId, contentId: stream, guess, auto: choice === 'auto' }));
    this.#listen();
  }

  start(): void {
    const { video, url } = this.#options;
    this.#begun = true;
    this.#player.initialize(video, new URL(url, location.href).href, video.autoplay);
    this.#expectMedia();
  }

  get loading(): number {
    return this.#rungs.findIndex(({ id }) => id === this.#current?.id);
  }

  get choice(): number | 'auto' {
    return this.#choice;
  }

  set choice(choice: number | 'auto') {
    if (choice !== this.#choice) {
      this.#choice = choice;
      this.#player.updateSettings({ streaming: { abr: { autoSwitchBitrate: { video: choice === 'auto' } } } });
      this.#ask();
    }
  }

  get throughput(): number | undefined {
    const kilobits = this.#isReady ? this.#player.getAverageThroughput('video') : Number.NaN;
    return kilobits > 0 ? kilobits * 1_000 : undefined;
  }

  get partTarget(): Millis | undefined {
    // A recording has no latency to be held.
    return this.#isLive ? this.#periods.at(-1)?.part : undefined;
  }

  shownAt(): WallTime | undefined {
    const { video } = this.#options;
    const origin = video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA ? undefined : periodAt(this.#periods, video.currentTime)?.origin;
    return origin === undefined ? undefined : wallTime(origin + video.currentTime * 1_000);
  }

  livePosition(): number | undefined {
    const last = this.#periods.at(-1);
    if (last?.origin === undefined || !this.#isLive) {
      return undefined;
    }
    const live = (this.#options.now() - last.origin) / 1_000 - startBehind;
    return Math.max(last.end === undefined ? live : Math.min(live, last.end - endMargin), last.start);
  }

  destroy(): void {
    if (!this.#ends.signal.aborted) {
      this.#ends.abort();
      clearTimeout(this.#doubt);
      // dash.js throws where it was not begun.
      if (this.#begun) {
        this.#player.destroy();
      }
    }
  }

  get #isReady(): boolean {
    return !this.#ends.signal.aborted && this.#player.isReady();
  }

  get #current(): Representation | undefined {
    return (this.#isReady ? this.#player.getCurrentRepresentationForType('video') : null) ?? undefined;
  }

  #listen(): void {
    const { listener, video } = this.#options;
    this.#on(events.manifestLoaded, ({ data }) => this.#onManifest(data));
    this.#on(events.streamInitialized, () => this.#onStream());
    this.#on(events.qualityRendered, ({ mediaType, newRepresentation }) => mediaType === 'video' && this.#tellShown((newRepresentation as Representation | undefined)?.id));
    this.#on(events.bufferLevel, () => {
      this.#leap();
      listener.buffered();
    });
    this.#on(events.loaded, ({ error }) => (error === undefined || error === null ? this.#flows() : this.#stumbles('segment')));
    this.#on(events.abandoned, () => this.#stumbles('segment abandoned'));
    this.#on(events.toStatic, () => this.#awaitEnd());
    this.#on(events.ended, () => listener.ended());
    this.#on(events.error, ({ error }) => void this.#onError(error));
    this.#on(events.playbackError, ({ error }) => void this.#onError(error));
    // Told when it comes, with time to spare: raising it is not dash.js's business, which looks ten times a second.
    this.#on(EVENT_SCHEME, ({ event }) => this.#onEvent(event), { mode: 'eventModeOnReceive' });
    video.addEventListener('playing', () => this.#flows(), { signal: this.#ends.signal });
    video.addEventListener('seeking', () => this.#leaveHole(), { signal: this.#ends.signal });
  }

  #on(name: string, act: (event: Readonly<Record<string, unknown>>) => unknown, options?: object): void {
    const listener = (event: unknown): void => {
      if (!this.#ends.signal.aborted) {
        act(event as Readonly<Record<string, unknown>>);
      }
    };
    this.#player.on(name, listener, undefined, options);
  }

  #onManifest(manifest: unknown): void {
    if (manifest === undefined || manifest === null) {
      return;
    }
    this.#periods = readManifest(manifest);
    this.#isLive = isDynamic(manifest);
    for (const event of this.#periods.flatMap((period) => period.events)) {
      this.#options.listener.event(event);
    }
  }

  #onEvent(value: unknown): void {
    const { calculatedPresentationTime: position, messageData, presentationTimeDelta: time, eventStream } = value as Readonly<Record<string, unknown>>;
    // Of an `emsg`, its own presentation time: the broadcast's. The manifest's events have none, and were read with it.
    if (typeof position !== 'number' || typeof time !== 'number' || !Number.isFinite(time)) {
      return;
    }
    const text = messageData instanceof Uint8Array ? new TextDecoder().decode(messageData) : messageData;
    const read = readDashEvent({
      text,
      value: (eventStream as { readonly value?: unknown } | undefined)?.value,
      position,
      time,
      origin: periodAt(this.#periods, position)?.origin,
    });
    read.forEach((event) => this.#options.listener.event(event));
  }

  /** A period is there: its renditions may be others than the last one's. */
  #onStream(): void {
    const { listener } = this.#options;
    this.#rungs = this.#player.getRepresentationsByType('video').toSorted((a, b) => a.bandwidth - b.bandwidth);
    const rungs = this.#rungs.map(({ width, height, frameRate, bandwidth }) => ({ label: rungLabel(width, height, frameRate), width, height, bitrate: bandwidth }));
    const told = JSON.stringify(rungs);
    if (told !== this.#told) {
      this.#told = told;
      listener.rungs(rungs);
    }
    this.#ask();
    this.#tellShown(this.#current?.id);
    this.#sayThatItPlays();
  }

  /** A little behind the live edge may be before the publisher's return, between two periods: dash.js would wait there for ever. */
  #leaveHole(): void {
    const { video } = this.#options;
    const to = video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA ? afterHole(this.#periods, video.currentTime) : undefined;
    if (to !== undefined) {
      video.currentTime = to + intoMedia;
    }
  }

  /** dash.js looks for manifests once it has heard that the element plays; told to play before dash.js came, the element says it no more. */
  #sayThatItPlays(): void {
    const { video } = this.#options;
    if (!this.#saidThatItPlays && !video.paused) {
      this.#saidThatItPlays = true;
      video.dispatchEvent(new Event('play'));
    }
  }

  #ask(): void {
    const wanted = this.#choice === 'auto' ? undefined : this.#rungs[this.#choice]?.id;
    if (wanted !== undefined && this.#isReady && wanted !== this.#current?.id) {
      this.#player.setRepresentationForTypeById('video', wanted);
    }
  }

  #tellShown(id: string | undefined): void {
    const rung = this.#rungs.findIndex((each) => each.id === id);
    if (rung >= 0) {
      this.#options.listener.shown(rung);
    }
  }

  /** Who stands before a hole begins anew behind it, under a still of what is shown. */
  #leap(): void {
    const { video, url } = this.#options;
    const stands = !video.paused && !video.seeking && video.readyState < HTMLMediaElement.HAVE_FUTURE_DATA;
    if (stands && standsBeforeHole(video.buffered, video.currentTime)) {
      holdStill(video);
      this.#saidThatItPlays = false;
      this.#player.attachSource(new URL(url, location.href).href);
      this.#expectMedia();
    }
  }

  #expectMedia(): void {
    const { video } = this.#options;
    clearTimeout(this.#doubt);
    this.#doubt = setTimeout(() => {
      if (video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) {
        void this.#onError({ code: 0, message: 'no media came' });
      }
    }, showsWithin);
  }

  #flows(): void {
    if (this.#troubled) {
      this.#troubled = false;
      this.#options.listener.recovered();
    }
  }

  #stumbles(detail: string): void {
    this.#troubled = true;
    this.#options.listener.troubled(detail);
  }

  /** The manifest has become static: the broadcast is over when the last frame has been shown. */
  #awaitEnd(): void {
    const { video, listener } = this.#options;
    const ends = new AbortController();
    const signal = AbortSignal.any([ends.signal, this.#ends.signal]);
    const look = (): void => {
      const end = this.#periods.at(-1)?.end ?? video.duration;
      if (video.ended || video.currentTime >= end - 0.15 || video.readyState < HTMLMediaElement.HAVE_FUTURE_DATA) {
        ends.abort();
        listener.ended();
      }
    };
    video.addEventListener('timeupdate', look, { signal });
    video.addEventListener('ended', look, { signal });
    look();
  }

  async #onError(error: unknown): Promise<void> {
    if (this.#failing) {
      return;
    }
    this.#failing = true;
    const { code, message } = (error ?? {}) as { readonly code?: unknown; readonly message?: unknown };
    const detail = `dash.js ${String(code)}: ${String(message)}`;
    const { video, listener } = this.#options;
    const isMedia = video.error !== null || (typeof code === 'number' && mediaErrors.has(code));
    const failure: EngineFailure = isMedia ? { kind: 'media', detail } : await this.#explain(detail);
    if (!this.#ends.signal.aborted) {
      listener.failed(failure);
    }
  }

  /** dash.js does not say why a request failed; the manifest's answer does. */
  async #explain(detail: string): Promise<EngineFailure> {
    const { url, edges } = this.#options;
    try {
      const response = await (edges?.fetch.bind(edges) ?? fetch)(url, { signal: AbortSignal.any([this.#ends.signal, AbortSignal.timeout(explainWithin)]) });
      return response.ok
        ? { kind: 'network', detail }
        : failureFromAnswer(response.status, await response.text(), response.headers.get('Retry-After'));
    } catch {
      return { kind: 'network', detail };
    }
  }
}
