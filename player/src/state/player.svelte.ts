import type { EngineChoice, Routes } from '../address/address.ts';
import { Edges } from '../edges/edges.ts';
import { ServerClock } from '../clock/server-clock.ts';
import { preloadRewind } from '../engine/hls/rewind-way.ts';
import { publish, withdraw } from '../public-api.ts';
import type { Early } from '../session/early.ts';
import { RecordingVisit } from '../session/recording-visit.ts';
import { Session } from '../session/session.ts';
import type { Snapshot } from '../session/snapshot.ts';
import type { Visit } from '../session/visit.ts';
import { History, sampleOf } from '../statistics/history.ts';
import type { Sample } from '../statistics/history.ts';
import type { Tile } from '../storyboard/storyboard.ts';
import { FullScreen } from './full-screen.svelte.ts';
import { PictureInPicture } from './picture-in-picture.svelte.ts';
import { StoryboardState } from './storyboard.svelte.ts';
import { StreamFactsState } from './stream-facts.svelte.ts';

/** A recording to be played. */
export type RecordingChoice = {
  readonly id: string;
  /** Where to begin, seconds. */
  readonly begin: number;
};

/** Options of {@link PlayerState}. */
export type PlayerOptions = {
  /** The stream's name, or what a recording is called. */
  readonly stream: string;
  readonly routes: Routes;
  readonly engineChoice: EngineChoice;
  readonly early?: Early | undefined;
  /** Where the viewer is, as the page or its address says. */
  readonly region?: string | undefined;
  /** In place of what is live. */
  readonly recording?: RecordingChoice | undefined;
};

/** The line that the seek bar stands for, seconds: of a recording from its beginning, of a live stream from the live edge, at zero. */
export type Timeline = {
  readonly isLive: boolean;
  readonly from: number;
  readonly to: number;
  readonly at: number;
  /** It was there and cannot be had at the moment. */
  readonly isLost: boolean;
};

/** What is open on top of the picture, besides the statistics. */
export type Panel = 'none' | 'quality' | 'help';

/** How often figures are shown anew, milliseconds: readable, and not worth a processor's while. */
const refreshInterval = 250;

/** Between two samples of the statistics, milliseconds. */
const sampleInterval = 1_000;

/** Controls leave this long after the last movement, milliseconds. */
const controlsLinger = 2_600;

/** A step of the volume keys. */
const volumeStep = 0.05;

/** A step of the seek keys and of the button that goes back, seconds. */
export const seekStep = 10;

/** How fast a recording can be played. */
export const speeds = [0.5, 0.75, 1, 1.25, 1.5, 2] as const;

/** The player as the components see it. */
export class PlayerState {
  readonly stream: string;
  snapshot = $state.raw<Snapshot>();
  /** The last two minutes, for plots: they are there when the statistics are opened. */
  samples = $state.raw<readonly Sample[]>([]);
  volume = $state(1);
  muted = $state(false);
  refusal = $state<string>();
  /** Root of the server that keeps the recording, where that is another one. */
  keeper = $state<string>();
  panel = $state<Panel>('none');
  statisticsOpen = $state(false);
  #controlsAwake = $state(true);
  readonly #options: PlayerOptions;
  readonly fullScreen = new FullScreen();
  readonly pictureInPicture = new PictureInPicture();
  readonly storyboard: StoryboardState;
  readonly isRecording: boolean;
  /** Beside a live stream: viewers, and since when it is on air. */
  readonly about: StreamFactsState;
  readonly #clock: ServerClock;
  /** Who serves a live stream; a recording is where its URL says. */
  readonly #edges: Edges | undefined;
  #session: Visit | undefined;
  #video: HTMLVideoElement | undefined;
  #sleep: ReturnType<typeof setTimeout> | undefined;

  constructor(options: PlayerOptions) {
    this.#options = options;
    this.stream = options.stream;
    this.isRecording = options.recording !== undefined;
    this.storyboard = new StoryboardState(!this.isRecording);
    const { routes, stream, region } = options;
    this.#edges = this.isRecording ? undefined : new Edges({ home: new URL(routes.landing, location.href).href, stream, region });
    this.about = new StreamFactsState(routes, stream, (facts) => this.#session?.tell?.(facts), this.#edges);
    this.#clock = new ServerClock(routes.time, this.#edges);
  }

  readonly state = $derived.by(() => this.snapshot?.state ?? 'starting');
  readonly paused = $derived.by(() => this.snapshot?.paused ?? true);
  /** A picture is there, moving or paused. */
  readonly hasPicture = $derived.by(() => this.state === 'playing' || this.state === 'buffering' || this.state === 'ended');
  /** The last picture still stands behind what is said. */
  readonly keepsPicture = $derived.by(() => (this.state === 'reconnecting' || this.state === 'interrupted') && (this.snapshot?.level ?? -1) >= 0);
  /** Nothing plays until the viewer asks for it. */
  readonly needsStart = $derived.by(() => this.state === 'playing' && this.paused);
  /** URL of what stands for the picture until there is one: of a recording always, of a stream where the viewer has to start it. */
  readonly poster = $derived.by(() => {
    const { recording, routes, stream } = this.#options;
    if (recording !== undefined) {
      return routes.keptAt(this.keeper).recording(recording.id, 'poster.jpg');
    }
    return this.needsStart && this.snapshot?.joinTime === null ? this.#at(routes.picture(stream, 'poster')) : undefined;
  });
  readonly controlsShown = $derived.by(() => this.#controlsAwake || this.paused || this.panel !== 'none' || !this.hasPicture);
  /** At the live edge: following it, and not far off the target. */
  readonly atLiveEdge = $derived.by(() => {
    const { following = true, latency = null, targetLatency = null, paused = false } = this.snapshot ?? {};
    return following && !paused && (latency === null || targetLatency === null || latency - targetLatency < 1.5);
  });

  /** What the seek bar stands for; undefined where there is nothing to go back to. */
  readonly timeline = $derived.by((): Timeline | undefined => {
    const { rewind = null, recording = null } = this.snapshot ?? {};
    if (recording !== null) {
      return { isLive: false, from: 0, to: recording.duration ?? 0, at: recording.position, isLost: false };
    }
    return rewind === null ? undefined : { isLive: true, from: -rewind.window, to: 0, at: -Math.min(rewind.behind, rewind.window), isLost: rewind.state === 'lost' };
  });

  /** Takes the element over; returns what ends it. */
  attach(video: HTMLVideoElement, frame: HTMLElement): () => void {
    const { stream } = this.#options;
    const clock = this.#clock;
    const session = this.#open(video);
    this.#video = video;
    this.#session = session;
    const leaveFullScreen = this.fullScreen.attach(frame, video);
    const leavePictureInPicture = this.pictureInPicture.attach(video);
    const timer = setInterval(() => this.#refresh(), refreshInterval);
    const history = new History();
    const sampler = setInterval(() => {
      history.add(sampleOf(session.snapshot(), performance.now()));
      this.samples = history.samples;
    }, sampleInterval);
    const forget = this.isRecording ? undefined : this.about.start();
    if (!this.isRecording) {
      clock.start();
      this.#edges?.start();
    }
    session.start();
    publish(session, stream);
    this.#refresh();
    return () => {
      forget?.();
      clearInterval(timer);
      clearInterval(sampler);
      clearTimeout(this.#sleep);
      leaveFullScreen();
      leavePictureInPicture();
      withdraw();
      session.close();
      clock.close();
      this.#edges?.close();
    };
  }

  togglePlay(): void {
    if (this.paused || this.state === 'ended') {
      this.#session?.play();
    } else {
      this.#session?.pause();
    }
    this.#refresh();
  }

  toggleMute(): void {
    const video = this.#video;
    if (video === undefined) {
      return;
    }
    video.muted = !video.muted;
    if (!video.muted && video.volume === 0) {
      video.volume = 0.5;
    }
    this.#refresh();
  }

  /** Sets the volume, 0 to 1; above zero it is also heard. */
  setVolume(volume: number): void {
    const video = this.#video;
    if (video === undefined) {
      return;
    }
    video.volume = Math.min(Math.max(volume, 0), 1);
    video.muted = video.volume === 0;
    this.#refresh();
  }

  changeVolume(steps: number): void {
    this.setVolume((this.muted ? 0 : this.volume) + steps * volumeStep);
  }

  seek(steps: number): void {
    this.#session?.seekBy(steps * seekStep);
  }

  /** Goes to a place of {@link timeline}. */
  seekTo(place: number): void {
    this.#session?.seekTo(place);
  }

  /** Somebody is about to go back: what that takes is asked for. */
  prepareSeek(): void {
    const { routes, recording } = this.#options;
    const broadcast = this.about.facts?.broadcast;
    if (recording !== undefined) {
      void this.storyboard.load(routes.keptAt(this.keeper).recording(recording.id, 'storyboard.vtt'));
    } else if (broadcast !== undefined) {
      void this.storyboard.load(this.#at(routes.storyboard(this.stream, broadcast)));
      preloadRewind();
    }
  }

  /** The picture of a place of {@link timeline}; undefined while there is none. */
  tileAt(place: number): Tile | undefined {
    return this.isRecording
      ? this.storyboard.tileAt(place)
      : this.storyboard.tileOf(this.instantAt(place), Date.parse(this.about.facts?.startedAt ?? ''));
  }

  /** When it was, of a live stream's place; milliseconds since 1970. */
  instantAt(place: number): number {
    return this.#clock.now() + place * 1_000;
  }

  /** How fast a recording is played. */
  get speed(): number {
    return this.snapshot?.recording?.speed ?? 1;
  }

  set speed(speed: number) {
    if (this.#session?.speed !== undefined) {
      this.#session.speed = speed;
    }
  }

  /** Plays a recording so many steps faster, or slower where it is negative. */
  changeSpeed(steps: number): void {
    const at = speeds.findIndex((speed) => speed === this.speed);
    this.speed = speeds[Math.min(Math.max(at + steps, 0), speeds.length - 1)] ?? 1;
  }

  goLive(): void {
    if (this.isRecording) {
      return;
    }
    this.#session?.goLive();
    if (this.paused) {
      this.#session?.play();
    }
  }

  choose(choice: number | 'auto'): void {
    this.#session?.choose(choice);
  }

  toggleStatistics(): void {
    this.statisticsOpen = !this.statisticsOpen;
  }

  /** Opens a panel, or closes it when it is open. */
  togglePanel(panel: Panel): void {
    this.panel = this.panel === panel ? 'none' : panel;
  }

  closePanel(): void {
    this.panel = 'none';
  }

  /** Closes what lies on top: a panel, else the statistics. */
  closeTopmost(): void {
    if (this.panel === 'none') {
      this.statisticsOpen = false;
    }
    this.panel = 'none';
  }

  /** Shows the controls for a while. */
  wake(): void {
    this.#controlsAwake = true;
    clearTimeout(this.#sleep);
    this.#sleep = setTimeout(() => this.dim(), controlsLinger);
  }

  /** Lets the controls go, if nothing keeps them. */
  dim(): void {
    clearTimeout(this.#sleep);
    this.#controlsAwake = false;
  }

  /** A URL at the edge in use. */
  #at(url: string): string {
    const { base, home } = this.#edges?.route ?? {};
    return base === home ? url : (this.#edges?.url(url) ?? url);
  }

  #open(video: HTMLVideoElement): Visit {
    const { stream, routes, engineChoice, early, recording } = this.#options;
    const changed = (): void => this.#refresh();
    return recording === undefined
      ? new Session({ video, stream, routes, edges: this.#edges, clock: this.#clock, engineChoice, early, changed })
      : new RecordingVisit({ video, routes, engineChoice, changed, ...recording });
  }

  #refresh(): void {
    const session = this.#session;
    const video = this.#video;
    if (session === undefined || video === undefined) {
      return;
    }
    this.snapshot = session.snapshot();
    this.refusal = session.refusal;
    this.volume = video.volume;
    this.muted = video.muted;
  }
}
