import { millis, wallTime } from '#core/media/time.ts';
import type { EngineChoice, Routes } from '../address/address.ts';
import type { StreamFacts } from '../api/streams.ts';
import type { Edges } from '../edges/edges.ts';
import type { ServerClock } from '../clock/server-clock.ts';
import type { EngineFailure } from '../engine/engine.ts';
import { preloadRewind } from '../engine/hls/rewind-way.ts';
import { Metadata } from '../events/metadata.ts';
import type { MetadataListener } from '../events/metadata.ts';
import { AirInquiry } from './air-inquiry.ts';
import type { AirAnswer } from './air-inquiry.ts';
import { AirWatch } from './air-watch.ts';
import { startPlaying } from './autoplay.ts';
import { BackOff } from './back-off.ts';
import type { Early } from './early.ts';
import { EngineSeat } from './engine-seat.ts';
import { PlaybackMonitor } from './playback-monitor.ts';
import { Playhead } from './playhead.ts';
import { RungMemory } from './rung-memory.ts';
import { takeSnapshot } from './snapshot.ts';
import type { SessionState, Snapshot } from './snapshot.ts';
import { TimeShift } from './time-shift.ts';
import type { Visit } from './visit.ts';
import { WayFinder } from './way-finder.ts';

/** Options of {@link Session}. */
export type SessionOptions = {
  readonly video: HTMLVideoElement;
  readonly stream: string;
  readonly routes: Routes;
  readonly clock: ServerClock;
  readonly engineChoice: EngineChoice;
  /** Who serves the stream; without it, the page's own server does. */
  readonly edges?: Edges | undefined;
  readonly early?: Early | undefined;
  /** Something worth showing has changed. */
  readonly changed: () => void;
};

/** The picture has played for so long, milliseconds: what may be needed when its server is gone is loaded from it while it is there. */
const stockUpAfter = 10_000;

/** Standing for this long, the viewer is told, ... */
const tellAfter = 900;

/** ... and this long, the server is asked why. */
const askAfter = 1_500;

/** Standing for this long although the stream is live, the engine is replaced. */
const replaceAfter = 5_000;

/**
 * One visit to a stream: plays it, and goes on playing it through whatever happens, for as long as it takes. It makes engines
 * one after the other, on the same element, and says what it is doing.
 */
export class Session implements Visit {
  readonly #options: SessionOptions;
  readonly #monitor: PlaybackMonitor;
  readonly #playhead: Playhead;
  readonly #metadata: Metadata;
  readonly #rungs = new RungMemory();
  readonly #seat: EngineSeat;
  readonly #ways: WayFinder;
  readonly #shift: TimeShift;
  readonly #backOff = new BackOff(millis(400), millis(4_000));
  readonly #ends = new AbortController();
  readonly #inquiry: AirInquiry;
  readonly #timer: ReturnType<typeof setInterval>;
  #state: SessionState = 'starting';
  #watch: AirWatch | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #stockUp: ReturnType<typeof setTimeout> | undefined;
  #enteredAt = 0;
  #joinTime: number | undefined;
  #pausedByViewer = false;

  constructor(options: SessionOptions) {
    this.#options = options;
    const { video, clock, routes, stream, engineChoice, edges } = options;
    this.#monitor = new PlaybackMonitor({ video, now: () => clock.now(), farBehind: (by) => this.#playhead.jump(by, this.#seat.engine) });
    this.#playhead = new Playhead(video, this.#monitor);
    this.#metadata = new Metadata(video);
    this.#seat = new EngineSeat({
      ...{ video, stream, routes, edges, now: () => clock.now(), monitor: this.#monitor, metadata: this.#metadata, rungs: this.#rungs, early: options.early ?? {} },
      events: {
        changed: () => options.changed(),
        buffered: () => this.#monitor.look(),
        troubled: () => this.#lookAtStand(),
        ended: () => this.#onEnded(),
        failed: (failure) => this.#onFailed(failure),
      },
    });
    this.#ways = new WayFinder({
      choice: engineChoice,
      video,
      whepUrl: () => edges?.url(routes.whep(stream)) ?? routes.whep(stream),
      seat: this.#seat,
      begun: () => this.#onBegun(),
      playsWell: () => this.#state === 'playing' && document.visibilityState === 'visible' && !this.#pausedByViewer,
      starting: () => this.#state === 'starting',
    });
    this.#shift = new TimeShift({
      ...{ video, url: routes.rewind(stream), recordingUrl: (id: string) => routes.recording(id, 'master.m3u8'), seat: this.#seat, ways: this.#ways, monitor: this.#monitor, playhead: this.#playhead },
      now: () => clock.now(),
      begun: () => this.#onBegun(),
    });
    const { signal } = this.#ends;
    video.addEventListener('playing', () => this.#onPlaying(), { signal });
    for (const event of ['pause', 'volumechange', 'resize'] as const) {
      video.addEventListener(event, () => options.changed(), { signal });
    }
    addEventListener('online', () => this.#hurry(), { signal });
    document.addEventListener('visibilitychange', () => this.#onVisibility(), { signal });
    // A page that comes back from the browser's cache has lost its connections.
    addEventListener('pageshow', (event) => event.persisted && this.#seat.engine !== undefined && this.#attempt(), { signal });
    this.#inquiry = new AirInquiry(routes, stream, edges);
    this.#timer = setInterval(() => this.#lookAtStand(), 300);
  }

  /** Begins to play. */
  start(): void {
    this.#attempt();
  }

  get state(): SessionState {
    return this.#state;
  }

  /** Why nothing can be played, or not in the way asked for, in words for the viewer. */
  get refusal(): string | undefined {
    return this.#ways.refusal;
  }

  /** Chooses a rendition, or leaves the choice to the network. */
  choose(choice: number | 'auto'): void {
    this.#rungs.choose(choice);
    this.#seat.choose();
    this.#options.changed();
  }

  play(): void {
    this.#pausedByViewer = false;
    if (this.#seat.engine !== undefined) {
      this.#shift.play();
      void this.#startPlaying();
    }
  }

  pause(): void {
    this.#pausedByViewer = true;
    this.#shift.pause();
    this.#options.video.pause();
  }

  /** Takes in what the API tells of the stream: how far back one can go. */
  tell(facts: StreamFacts | undefined): void {
    this.#shift.tell(facts);
    this.#options.changed();
  }

  /** Moves within what is loaded or kept, and follows the live edge again when it comes near it. */
  seekBy(seconds: number): void {
    this.#shift.seekBy(seconds * 1_000);
    this.#options.changed();
  }

  /** Goes to a place relative to the live edge, seconds: where it was ten seconds ago is -10. */
  seekTo(place: number): void {
    this.#shift.seekTo(wallTime(this.#options.clock.now() + place * 1_000));
    this.#options.changed();
  }

  /** Goes to the live edge and stays there. */
  goLive(): void {
    this.#shift.goLive();
    this.#options.changed();
  }

  /** Calls back with each message of the broadcast when its frame is shown; the function returned takes that back. */
  onMetadata(listener: MetadataListener): () => void {
    return this.#metadata.onMetadata(listener);
  }

  /** The state at this instant. */
  snapshot(): Snapshot {
    return takeSnapshot({
      state: this.#state,
      video: this.#options.video,
      engine: this.#seat.engine,
      monitor: this.#monitor,
      clockError: this.#options.clock.errorBound(),
      rungs: this.#rungs,
      ways: this.#seat.changes,
      edges: this.#options.edges,
      rewind: this.#shift.reading,
      joinTime: this.#joinTime,
    });
  }

  /** Ends it. Idempotent. */
  close(): void {
    this.#ends.abort();
    clearInterval(this.#timer);
    clearTimeout(this.#retry);
    clearTimeout(this.#stockUp);
    this.#inquiry.close();
    this.#ways.rest();
    this.#seat.close();
    this.#watch?.close();
    this.#monitor.close();
    this.#metadata.close();
  }

  #attempt(): void {
    clearTimeout(this.#retry);
    if (!this.#shift.again() && !this.#ways.begin()) {
      this.#enter('unsupported');
    }
  }

  #onBegun(): void {
    // A new source would play by itself, though the viewer has paused.
    this.#options.video.autoplay = !this.#pausedByViewer;
    if (!this.#pausedByViewer) {
      void this.#startPlaying();
    }
  }

  #onPlaying(): void {
    if (this.#seat.engine === undefined) {
      return;
    }
    this.#joinTime ??= performance.now();
    this.#stockUp ??= setTimeout(() => this.#prepareForLoss(), stockUpAfter);
    this.#backOff.reset();
    this.#enter('playing');
  }

  /** Pages take scripts from where they came from alone, and other edges go on when that one is gone. */
  #prepareForLoss(): void {
    if ((this.#options.edges?.route.others.length ?? 0) > 0) {
      this.#ways.stockUp();
      preloadRewind();
    }
  }

  /** The browser may want a gesture first: then the player stands there paused. */
  async #startPlaying(): Promise<void> {
    if (!(await startPlaying(this.#options.video)) && this.#state === 'starting') {
      this.#enter('playing');
    }
  }

  /** The broadcast is over: the next one may have begun already, and may suit another way. */
  #onEnded(): void {
    this.#shift.leave();
    this.#seat.drop();
    this.#ways.wake();
    this.#enter('starting');
    this.#retryAfter(this.#backOff.next());
  }

  #onFailed(failure: EngineFailure): void {
    if (this.#shift.failed(failure)) {
      return;
    }
    if (failure.kind === 'offline' || failure.kind === 'unknown-stream') {
      this.#backOff.next();
      this.#await(failure.kind === 'offline' ? 'offline' : 'unknown');
      return;
    }
    const hadPlayed = this.#state === 'playing' || this.#state === 'buffering';
    if (this.#ways.fallBack(failure, hadPlayed)) {
      if (hadPlayed) {
        this.#enter('buffering');
      }
      return;
    }
    this.#seat.drop();
    if (this.#ways.gaveUp(failure)) {
      this.#enter('unsupported');
      return;
    }
    const wait = Math.max(this.#backOff.next(), failure.retryAfter ?? 0);
    this.#enter(this.#state === 'interrupted' ? 'interrupted' : 'reconnecting');
    this.#retryAfter(wait);
    void this.#askWhy();
  }

  /** Nothing is on air: wait for it. */
  #await(state: 'offline' | 'unknown'): void {
    clearTimeout(this.#retry);
    this.#ways.rest();
    this.#seat.drop();
    this.#ways.wake();
    this.#watch?.close();
    this.#enter(state);
    const { routes, stream } = this.#options;
    this.#watch = new AirWatch({
      routes,
      stream,
      edges: this.#options.edges,
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
    if (this.#seat.engine === undefined && this.#watch === undefined && this.#state === 'reconnecting') {
      this.#backOff.reset();
      this.#ways.wake();
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
    if (this.#seat.engine !== undefined && this.#monitor.following && !this.#pausedByViewer) {
      this.#monitor.look();
      if (video.paused) {
        void this.#startPlaying();
      }
    }
  }

  /** Looks into a picture that stands. */
  #lookAtStand(): void {
    this.#shift.look();
    const standing = this.#seat.engine === undefined ? 0 : this.#monitor.standing;
    if (standing > tellAfter && this.#state === 'playing') {
      this.#enter('buffering');
    } else if (this.#monitor.moves && (this.#state === 'buffering' || this.#state === 'interrupted' || this.#state === 'reconnecting')) {
      // WebRTC goes on without the element saying so.
      this.#enter('playing');
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
    const plays = this.#seat.engine !== undefined;
    if (air === 'interrupted') {
      this.#enter('interrupted');
    } else if (air === 'unreachable') {
      this.#enter('reconnecting');
    } else if (air === 'live') {
      this.#enter(plays ? 'buffering' : 'reconnecting');
    } else if (air === 'unknown' && !plays) {
      this.#await('unknown');
    } else if (air === 'offline' && !this.#shift.active && (!plays || this.#monitor.reading.buffer < 50)) {
      this.#await('offline');
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
