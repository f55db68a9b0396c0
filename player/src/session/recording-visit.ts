import { millis, wallTime } from '#core/media/time.ts';
import type { WallTime } from '#core/media/time.ts';
import type { EngineChoice, Routes } from '../address/address.ts';
import { fetchRecording } from '../api/recordings.ts';
import { chooseEngine } from '../engine/choose-engine.ts';
import type { EngineWay } from '../engine/choose-engine.ts';
import type { EngineFailure } from '../engine/engine.ts';
import { canRewind, openRewind } from '../engine/hls/rewind-way.ts';
import { Metadata } from '../events/metadata.ts';
import type { MetadataListener } from '../events/metadata.ts';
import { BackOff } from './back-off.ts';
import { EngineSeat } from './engine-seat.ts';
import { PlaybackMonitor } from './playback-monitor.ts';
import { RungMemory } from './rung-memory.ts';
import { takeSnapshot } from './snapshot.ts';
import type { SessionState, Snapshot } from './snapshot.ts';
import type { Visit } from './visit.ts';

/** Options of {@link RecordingVisit}. */
export type RecordingVisitOptions = {
  readonly video: HTMLVideoElement;
  /** The recording's id. */
  readonly id: string;
  readonly routes: Routes;
  /** Where to begin, seconds. */
  readonly begin: number;
  /** `dash`: by the DASH manifest and nothing else. */
  readonly engineChoice: EngineChoice;
  /** Something worth showing has changed. */
  readonly changed: () => void;
};

/** What is left at the end is too short to be shown, seconds. */
const nothingLeft = 1;

/** Standing for this long, the viewer is told. */
const tellAfter = 900;

/** One visit to a recording: plays it from where the viewer wants, and goes on through lost connections. */
export class RecordingVisit implements Visit {
  readonly #options: RecordingVisitOptions;
  readonly #monitor: PlaybackMonitor;
  readonly #metadata: Metadata;
  readonly #rungs = new RungMemory();
  readonly #seat: EngineSeat;
  readonly #backOff = new BackOff(millis(400), millis(6_000));
  readonly #ends = new AbortController();
  readonly #timer: ReturnType<typeof setInterval>;
  /** Of the server that keeps the recording. */
  #routes: Routes;
  /** Not gone yet, the best first. */
  #ways: readonly EngineWay[];
  #retry: ReturnType<typeof setTimeout> | undefined;
  #state: SessionState = 'starting';
  #refusal: string | undefined;
  #position: number;
  #joinTime: number | undefined;
  #pausedByViewer = false;

  constructor(options: RecordingVisitOptions) {
    this.#options = options;
    this.#routes = options.routes;
    this.#position = options.begin;
    const { video, routes, id } = options;
    // Of a recording nobody is behind: its frames' dates are of no use here.
    const now = (): WallTime => wallTime(Date.now());
    this.#monitor = new PlaybackMonitor({ video, now, farBehind: () => undefined });
    this.#metadata = new Metadata(video);
    this.#seat = new EngineSeat({
      ...{ video, stream: id, routes, now, monitor: this.#monitor, metadata: this.#metadata, rungs: this.#rungs, early: {} },
      events: {
        changed: () => options.changed(),
        buffered: () => this.#monitor.look(),
        troubled: () => this.#look(),
        ended: () => this.#onEnded(),
        failed: (failure) => void this.#onFailed(failure),
      },
    });
    this.#ways = this.#findWays();
    const { signal } = this.#ends;
    video.addEventListener('loadedmetadata', () => this.#resume(), { signal });
    video.addEventListener('playing', () => this.#onPlaying(), { signal });
    video.addEventListener('ended', () => this.#onEnded(), { signal });
    for (const event of ['pause', 'volumechange', 'resize', 'seeked', 'durationchange'] as const) {
      video.addEventListener(event, () => options.changed(), { signal });
    }
    addEventListener('online', () => this.#state === 'reconnecting' && this.#attempt(), { signal });
    this.#timer = setInterval(() => this.#look(), 300);
  }

  start(): void {
    this.#attempt();
  }

  get refusal(): string | undefined {
    return this.#refusal;
  }

  get speed(): number {
    return this.#monitor.pace;
  }

  set speed(speed: number) {
    this.#monitor.pace = speed;
    this.#monitor.look();
    this.#options.changed();
  }

  choose(choice: number | 'auto'): void {
    this.#rungs.choose(choice);
    this.#seat.choose();
    this.#options.changed();
  }

  play(): void {
    this.#pausedByViewer = false;
    if (this.#state === 'ended') {
      this.seekTo(0);
    }
    if (this.#seat.engine !== undefined) {
      void this.#startPlaying();
    }
  }

  pause(): void {
    this.#pausedByViewer = true;
    this.#options.video.pause();
  }

  seekBy(seconds: number): void {
    this.seekTo(this.#position + seconds);
  }

  seekTo(place: number): void {
    const { video, changed } = this.#options;
    const end = this.#duration ?? Infinity;
    this.#position = Math.min(Math.max(place, 0), end);
    if (video.readyState >= HTMLMediaElement.HAVE_METADATA) {
      video.currentTime = this.#position;
    }
    if (this.#state === 'ended' && this.#position < end) {
      this.#enter('playing');
      if (!this.#pausedByViewer) {
        void this.#startPlaying();
      }
    }
    changed();
  }

  /** To the end of what there is: of a broadcast that goes on, what was recorded last. */
  goLive(): void {
    this.seekTo(this.#duration ?? this.#position);
  }

  /** Calls back with each message of the recording when its frame is shown; returns what takes the listener away. */
  onMetadata(listener: MetadataListener): () => void {
    return this.#metadata.onMetadata(listener);
  }

  snapshot(): Snapshot {
    const { video } = this.#options;
    const snapshot = takeSnapshot({
      ...{ state: this.#state, video, engine: this.#seat.engine, monitor: this.#monitor, clockError: millis(Infinity), rungs: this.#rungs },
      ways: this.#seat.changes,
      joinTime: this.#joinTime,
      recording: { position: this.#position, duration: this.#duration ?? null, speed: this.speed },
    });
    return { ...snapshot, latency: null, targetLatency: null };
  }

  close(): void {
    this.#ends.abort();
    clearInterval(this.#timer);
    clearTimeout(this.#retry);
    this.#seat.close();
    this.#metadata.close();
    this.#monitor.close();
  }

  /** Seconds; of a recording that goes on, what there is of it. */
  get #duration(): number | undefined {
    const { duration, seekable } = this.#options.video;
    if (Number.isFinite(duration) && duration > 0) {
      return duration;
    }
    return seekable.length > 0 && Number.isFinite(seekable.end(seekable.length - 1)) ? seekable.end(seekable.length - 1) : undefined;
  }

  /** HLS by hls.js or by the browser; DASH where that does not work, or where the page asks for it. */
  #findWays(): readonly EngineWay[] {
    const { video, id, engineChoice } = this.#options;
    const hls: EngineWay = {
      kind: 'hls',
      make: (options) => openRewind(options, { kind: 'hls', url: this.#routes.recording(id, 'master.m3u8'), begin: { position: this.#position } }),
    };
    const dash = engineChoice === 'hls' ? { ways: [] } : chooseEngine('dash', video);
    const others = 'ways' in dash ? dash.ways.map((way) => ({ ...way, make: (options: Parameters<EngineWay['make']>[0]) => way.make({ ...options, dashUrl: this.#routes.recording(id, 'manifest.mpd') }) })) : [];
    return engineChoice !== 'dash' && canRewind(video) ? [hls, ...others] : others;
  }

  #attempt(because?: string): void {
    clearTimeout(this.#retry);
    const [way] = this.#ways;
    if (way === undefined) {
      this.#refuse('This browser can play neither Media Source Extensions nor HLS. The recording can be downloaded below.');
      return;
    }
    this.#options.video.autoplay = !this.#pausedByViewer;
    this.#seat.give(way, because);
    // Nobody is behind, so nothing catches up.
    this.#monitor.following = false;
    if (!this.#pausedByViewer) {
      void this.#startPlaying();
    }
  }

  /** dash.js begins at the beginning. */
  #resume(): void {
    const { video } = this.#options;
    if (this.#seat.engine?.kind === 'dash' && this.#position > video.currentTime + 1) {
      video.currentTime = this.#position;
    }
  }

  /** Recordings do not begin without sound: where the browser wants a gesture first, they wait for it. */
  async #startPlaying(): Promise<void> {
    try {
      await this.#options.video.play();
    } catch (error) {
      // A start that is overtaken by a new source is none of the viewer's business.
      if (error instanceof DOMException && error.name === 'NotAllowedError' && this.#state === 'starting') {
        this.#enter('playing');
      }
    }
  }

  #onPlaying(): void {
    if (this.#seat.engine !== undefined) {
      this.#joinTime ??= performance.now();
      this.#backOff.reset();
      this.#enter('playing');
    }
  }

  /** dash.js tells of the end of each period. */
  #onEnded(): void {
    const { video } = this.#options;
    if (video.ended || video.currentTime > (this.#duration ?? 0) - nothingLeft) {
      this.#enter('ended');
    }
  }

  #look(): void {
    const { video, changed } = this.#options;
    if (this.#seat.engine !== undefined && !video.seeking && video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA) {
      this.#position = video.currentTime;
    }
    if (this.#monitor.standing > tellAfter && this.#state === 'playing') {
      this.#enter('buffering');
    } else if (this.#monitor.moves && (this.#state === 'buffering' || this.#state === 'reconnecting')) {
      this.#enter('playing');
    }
    changed();
  }

  async #onFailed(failure: EngineFailure): Promise<void> {
    this.#seat.drop();
    if (failure.kind === 'media') {
      this.#ways = this.#ways.slice(1);
      if (this.#ways.length === 0) {
        this.#refuse('This browser could not go on with the recording. It can be downloaded below.');
      } else {
        this.#attempt(failure.detail);
      }
      return;
    }
    this.#enter('reconnecting');
    if (!(await this.#isGone()) && !this.#ends.signal.aborted) {
      this.#retry = setTimeout(() => this.#attempt(), this.#backOff.next());
    }
  }

  /** Asks the server whether there is such a recording, and tells the viewer where there is none. */
  async #isGone(): Promise<boolean> {
    const { routes, id } = this.#options;
    try {
      const facts = await fetchRecording(routes, id, this.#ends.signal);
      this.#routes = routes.keptAt(facts?.keeper);
      if (facts === undefined) {
        this.#enter('unknown');
      } else if (facts.state === 'damaged') {
        this.#refuse('This recording is damaged: nothing of it can be played.');
      }
      return facts === undefined || facts.state === 'damaged';
    } catch {
      return false;
    }
  }

  #refuse(why: string): void {
    this.#refusal = why;
    this.#enter('unsupported');
  }

  #enter(state: SessionState): void {
    if (this.#state !== state && !this.#ends.signal.aborted) {
      this.#state = state;
      this.#options.changed();
    }
  }
}
