import { millis } from '#core/media/time.ts';
import type { Millis } from '#core/media/time.ts';
import type { EngineChoice, Routes } from '../address/address.ts';
import type { ServerClock } from '../clock/server-clock.ts';
import { chooseEngine } from '../engine/choose-engine.ts';
import type { Engine, EngineFailure, EngineListener, EngineRung } from '../engine/engine.ts';
import type { EarlyPlaylist } from '../engine/hls/early-playlist.ts';
import { AirInquiry } from './air-inquiry.ts';
import type { AirAnswer } from './air-inquiry.ts';
import { AirWatch } from './air-watch.ts';
import { BackOff } from './back-off.ts';
import { startPlaying } from './autoplay.ts';
import { PlaybackMonitor } from './playback-monitor.ts';
import { recallThroughput, rememberThroughput } from './throughput-memory.ts';
import { takeSnapshot } from './snapshot.ts';
import type { RungSwitch, SessionState, Snapshot } from './snapshot.ts';

/** Options of {@link Session}. */
export type SessionOptions = {
  readonly video: HTMLVideoElement;
  readonly stream: string;
  readonly routes: Routes;
  readonly clock: ServerClock;
  readonly engineChoice: EngineChoice;
  readonly early?: EarlyPlaylist | undefined;
  /** Something worth showing has changed. */
  readonly changed: () => void;
};

/** Standing for this long, the viewer is told, ... */
const tellAfter = 900;

/** ... and this long, the server is asked why. */
const askAfter = 1_500;

/** Standing for this long although the stream is live, the engine is replaced. */
const replaceAfter = 5_000;

/** Changes of the rendition remembered. */
const switchesKept = 100;

/** A reserved seek, away from the very end of what is loaded, seconds. */
const endMargin = 0.2;

/**
 * One visit to a stream: plays it, and goes on playing it through whatever happens, for as long as it takes. It makes engines
 * one after the other, on the same element, and says what it is doing.
 */
export class Session {
  readonly #options: SessionOptions;
  readonly #monitor: PlaybackMonitor;
  readonly #backOff = new BackOff(millis(400), millis(4_000));
  readonly #ends = new AbortController();
  readonly #sessionId = crypto.randomUUID?.() ?? Math.random().toString(36).slice(2);
  readonly #inquiry: AirInquiry;
  readonly #timer: ReturnType<typeof setInterval>;
  #state: SessionState = 'starting';
  #refusal: string | undefined;
  #engine: Engine | undefined;
  #watch: AirWatch | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #enteredAt = 0;
  #rungs: readonly EngineRung[] = [];
  #shown = -1;
  #choice: number | 'auto' = 'auto';
  #switches: RungSwitch[] = [];
  #joinTime: number | undefined;
  #pausedByViewer = false;

  constructor(options: SessionOptions) {
    this.#options = options;
    const { video, clock } = options;
    this.#monitor = new PlaybackMonitor({ video, now: () => clock.now(), farBehind: (by) => this.#jump(by) });
    const { signal } = this.#ends;
    video.addEventListener('playing', () => this.#onPlaying(), { signal });
    for (const event of ['pause', 'volumechange', 'resize'] as const) {
      video.addEventListener(event, () => options.changed(), { signal });
    }
    addEventListener('online', () => this.#hurry(), { signal });
    document.addEventListener('visibilitychange', () => this.#onVisibility(), { signal });
    addEventListener('pageshow', (event) => event.persisted && this.#hurry(), { signal });
    this.#inquiry = new AirInquiry(options.routes, options.stream);
    this.#timer = setInterval(() => this.#lookAtStand(), 300);
  }

  /** Begins to play. */
  start(): void {
    this.#attempt();
  }

  get state(): SessionState {
    return this.#state;
  }

  /** Why nothing can be played, in words for the viewer. */
  get refusal(): string | undefined {
    return this.#refusal;
  }

  /** Chooses a rendition, or leaves the choice to the network. */
  choose(choice: number | 'auto'): void {
    this.#choice = choice;
    if (this.#engine !== undefined) {
      this.#engine.choice = choice;
    }
    this.#options.changed();
  }

  play(): void {
    this.#pausedByViewer = false;
    if (this.#engine !== undefined) {
      // A pause is no rewind: who comes back wants to see what is on now.
      this.goLive();
      void this.#startPlaying();
    }
  }

  pause(): void {
    this.#pausedByViewer = true;
    this.#options.video.pause();
  }

  /** Moves within what is loaded, and follows the live edge again when it comes near it. */
  seekBy(seconds: number): void {
    const { video } = this.#options;
    const live = this.#engine?.livePosition();
    if (video.buffered.length === 0 || live === undefined) {
      return;
    }
    const first = video.buffered.start(0);
    const last = video.buffered.end(video.buffered.length - 1) - endMargin;
    const to = Math.min(Math.max(video.currentTime + seconds, first + endMargin), last);
    this.#monitor.following = to >= Math.min(live, last) - endMargin;
    video.currentTime = to;
    this.#options.changed();
  }

  /** Goes to the live edge and stays there. */
  goLive(): void {
    this.#monitor.following = true;
    const { latency, target } = this.#monitor.reading;
    if (latency !== undefined && target !== undefined && latency - target > 700) {
      this.#jump(millis(latency - target));
    }
    this.#options.changed();
  }

  /** The state at this instant. */
  snapshot(): Snapshot {
    return takeSnapshot({
      state: this.#state,
      video: this.#options.video,
      engine: this.#engine,
      monitor: this.#monitor,
      clockError: this.#options.clock.errorBound(),
      shown: this.#shown,
      rungs: this.#rungs,
      choice: this.#choice,
      switches: this.#switches,
      joinTime: this.#joinTime,
    });
  }

  /** Ends it. Idempotent. */
  close(): void {
    this.#ends.abort();
    clearInterval(this.#timer);
    clearTimeout(this.#retry);
    this.#inquiry.close();
    this.#drop();
    this.#watch?.close();
    this.#monitor.close();
  }

  #attempt(): void {
    clearTimeout(this.#retry);
    this.#drop();
    const { video, routes, stream, engineChoice, early } = this.#options;
    const offer = chooseEngine(engineChoice, video);
    if ('refusal' in offer) {
      this.#refusal = offer.refusal;
      this.#enter('unsupported');
      return;
    }
    const engine = offer.make({
      video,
      url: routes.hls(stream),
      stream,
      sessionId: this.#sessionId,
      guess: recallThroughput(),
      choice: this.#choice,
      early,
      listener: this.#listener(() => this.#engine === engine),
    });
    this.#engine = engine;
    this.#monitor.following = true;
    this.#monitor.watch(engine);
    engine.start();
    if (!this.#pausedByViewer) {
      void this.#startPlaying();
    }
  }

  /** Events of an engine count only while it is the one in use. */
  #listener(isCurrent: () => boolean): EngineListener {
    const when = (act: () => void): void => {
      if (isCurrent()) {
        act();
      }
    };
    return {
      rungs: (rungs) => when(() => this.#onRungs(rungs)),
      shown: (rung) => when(() => this.#onShown(rung)),
      buffered: () => when(() => this.#monitor.look()),
      troubled: () => when(() => this.#lookAtStand()),
      recovered: () => when(() => this.#options.changed()),
      ended: () => when(() => this.#onEnded()),
      failed: (failure) => when(() => this.#onFailed(failure)),
    };
  }

  #drop(): void {
    const throughput = this.#engine?.throughput;
    if (throughput !== undefined) {
      rememberThroughput(throughput);
    }
    const engine = this.#engine;
    this.#engine = undefined;
    this.#monitor.watch(undefined);
    engine?.destroy();
    this.#shown = -1;
  }

  #onRungs(rungs: readonly EngineRung[]): void {
    this.#rungs = rungs;
    if (this.#choice !== 'auto' && this.#choice >= rungs.length) {
      this.choose('auto');
    }
    this.#options.changed();
  }

  #onShown(rung: number): void {
    if (rung !== this.#shown && this.#shown >= 0) {
      this.#switches = [...this.#switches, { at: performance.now(), from: this.#shown, to: rung }].slice(-switchesKept);
    }
    this.#shown = rung;
    this.#options.changed();
  }

  #onPlaying(): void {
    if (this.#engine === undefined) {
      return;
    }
    this.#joinTime ??= performance.now();
    this.#backOff.reset();
    this.#enter('playing');
  }

  /** The browser may want a gesture first: then the player stands there paused. */
  async #startPlaying(): Promise<void> {
    if (!(await startPlaying(this.#options.video)) && this.#state === 'starting') {
      this.#enter('playing');
    }
  }

  /** The broadcast is over: the next one may have begun already. */
  #onEnded(): void {
    this.#drop();
    this.#enter('starting');
    this.#retryAfter(this.#backOff.next());
  }

  #onFailed(failure: EngineFailure): void {
    this.#drop();
    const wait = Math.max(this.#backOff.next(), failure.retryAfter ?? 0);
    if (failure.kind === 'offline' || failure.kind === 'unknown-stream') {
      this.#await(failure.kind === 'offline' ? 'offline' : 'unknown');
      return;
    }
    this.#enter(this.#state === 'interrupted' ? 'interrupted' : 'reconnecting');
    this.#retryAfter(wait);
    void this.#askWhy();
  }

  /** Nothing is on air: wait for it. */
  #await(state: 'offline' | 'unknown'): void {
    clearTimeout(this.#retry);
    this.#drop();
    this.#watch?.close();
    this.#enter(state);
    const { routes, stream } = this.#options;
    this.#watch = new AirWatch({
      routes,
      stream,
      onAir: () => {
        this.#watch = undefined;
        this.#enter('starting');
        // The first attempt is made at once; where the playlist lags behind the events, the next ones take their time.
        this.#retryAfter(this.#backOff.attempts > 1 ? this.#backOff.next() : 0);
      },
      reachable: (reachable) => {
        if (!reachable || this.#state === 'reconnecting') {
          this.#enter(reachable ? state : 'reconnecting');
        }
      },
    });
    this.#watch.start();
  }

  #retryAfter(wait: number): void {
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#attempt(), wait);
  }

  /** The network is back, or the page is seen again: do not wait for the back-off. */
  #hurry(): void {
    this.#watch?.hurry();
    if (this.#engine === undefined && this.#watch === undefined && this.#state === 'reconnecting') {
      this.#backOff.reset();
      this.#attempt();
    }
  }

  #onVisibility(): void {
    if (document.visibilityState !== 'visible') {
      return;
    }
    this.#hurry();
    const { video } = this.#options;
    // Browsers pause hidden pages and slow their timers: whoever returns wants to see what is on now.
    if (this.#engine !== undefined && this.#monitor.following && !this.#pausedByViewer) {
      this.#monitor.look();
      if (video.paused) {
        void this.#startPlaying();
      }
    }
  }

  /** Looks into a picture that stands. */
  #lookAtStand(): void {
    const standing = this.#engine === undefined ? 0 : this.#monitor.standing;
    if (standing > tellAfter && this.#state === 'playing') {
      this.#enter('buffering');
    }
    if (standing > askAfter) {
      void this.#askWhy();
    }
    const inVain = this.#state === 'buffering' || this.#state === 'starting';
    if (standing > replaceAfter && inVain && performance.now() - this.#enteredAt > replaceAfter) {
      this.#enter('reconnecting');
      this.#attempt();
    }
  }

  /** Asks the server what is the matter, and tells the viewer. */
  async #askWhy(): Promise<void> {
    const air = await this.#inquiry.ask();
    const waits = this.#monitor.standing > 0 || this.#state === 'reconnecting' || this.#state === 'interrupted';
    if (air !== undefined && waits && this.#watch === undefined) {
      this.#explain(air);
    }
  }

  #explain(air: AirAnswer): void {
    const plays = this.#engine !== undefined;
    if (air === 'interrupted') {
      this.#enter('interrupted');
    } else if (air === 'unreachable') {
      this.#enter('reconnecting');
    } else if (air === 'live') {
      this.#enter(plays ? 'buffering' : 'reconnecting');
    } else if (air === 'unknown' && !plays) {
      this.#await('unknown');
    } else if (air === 'offline' && (!plays || this.#monitor.reading.buffer < 50)) {
      this.#await('offline');
    }
  }

  /** Jumps ahead: within what is loaded if that reaches, else to where the engine would join. */
  #jump(by: Millis): void {
    const { video } = this.#options;
    const to = video.currentTime + by / 1_000;
    const loaded = this.#monitor.reading.buffer / 1_000;
    const live = this.#engine?.livePosition();
    if (to < video.currentTime + loaded) {
      video.currentTime = to;
    } else if (live !== undefined && live > video.currentTime + endMargin) {
      video.currentTime = live;
    }
  }

  #enter(state: SessionState): void {
    if (this.#state !== state) {
      this.#state = state;
      this.#enteredAt = performance.now();
      this.#options.changed();
    }
  }
}
