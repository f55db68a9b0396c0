import type { EngineChoice, Routes } from '../address/address.ts';
import { ServerClock } from '../clock/server-clock.ts';
import { publish, withdraw } from '../public-api.ts';
import type { Early } from '../session/early.ts';
import { Session } from '../session/session.ts';
import type { Snapshot } from '../session/snapshot.ts';
import { History, sampleOf } from '../statistics/history.ts';
import type { Sample } from '../statistics/history.ts';
import { FullScreen } from './full-screen.svelte.ts';
import { PictureInPicture } from './picture-in-picture.svelte.ts';

/** Options of {@link PlayerState}. */
export type PlayerOptions = {
  readonly stream: string;
  readonly routes: Routes;
  readonly engineChoice: EngineChoice;
  readonly early?: Early | undefined;
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

/** A step of the seek keys, seconds. */
const seekStep = 5;

/** The player as the components see it. */
export class PlayerState {
  readonly stream: string;
  snapshot = $state.raw<Snapshot>();
  /** The last two minutes, for plots: they are there when the statistics are opened. */
  samples = $state.raw<readonly Sample[]>([]);
  volume = $state(1);
  muted = $state(false);
  refusal = $state<string>();
  panel = $state<Panel>('none');
  statisticsOpen = $state(false);
  #controlsAwake = $state(true);
  readonly #options: PlayerOptions;
  readonly fullScreen = new FullScreen();
  readonly pictureInPicture = new PictureInPicture();
  #session: Session | undefined;
  #video: HTMLVideoElement | undefined;
  #sleep: ReturnType<typeof setTimeout> | undefined;

  constructor(options: PlayerOptions) {
    this.#options = options;
    this.stream = options.stream;
  }

  readonly state = $derived.by(() => this.snapshot?.state ?? 'starting');
  readonly paused = $derived.by(() => this.snapshot?.paused ?? true);
  /** A picture is there, moving or paused. */
  readonly hasPicture = $derived.by(() => this.state === 'playing' || this.state === 'buffering');
  /** The last picture still stands behind what is said. */
  readonly keepsPicture = $derived.by(() => (this.state === 'reconnecting' || this.state === 'interrupted') && (this.snapshot?.level ?? -1) >= 0);
  /** Nothing plays until the viewer asks for it. */
  readonly needsStart = $derived.by(() => this.state === 'playing' && this.paused);
  readonly controlsShown = $derived.by(() => this.#controlsAwake || this.paused || this.panel !== 'none' || !this.hasPicture);
  /** At the live edge: following it, and not far off the target. */
  readonly atLiveEdge = $derived.by(() => {
    const { following = true, latency = null, targetLatency = null, paused = false } = this.snapshot ?? {};
    return following && !paused && (latency === null || targetLatency === null || latency - targetLatency < 1.5);
  });

  /** Takes the element over; returns what ends it. */
  attach(video: HTMLVideoElement, frame: HTMLElement): () => void {
    const { stream, routes, engineChoice, early } = this.#options;
    const clock = new ServerClock(routes.time);
    const session = new Session({ video, stream, routes, clock, engineChoice, early, changed: () => this.#refresh() });
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
    clock.start();
    session.start();
    publish(session, stream);
    this.#refresh();
    return () => {
      clearInterval(timer);
      clearInterval(sampler);
      clearTimeout(this.#sleep);
      leaveFullScreen();
      leavePictureInPicture();
      withdraw();
      session.close();
      clock.close();
    };
  }

  togglePlay(): void {
    if (this.paused) {
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

  goLive(): void {
    if (this.paused) {
      this.#session?.play();
    } else {
      this.#session?.goLive();
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
