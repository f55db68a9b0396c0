import { millis } from '#core/media/time.ts';
import type { Millis, WallTime } from '#core/media/time.ts';
import type { Engine } from '../engine/engine.ts';
import { LatencyController } from '../latency/latency-controller.ts';

/** How often the element is looked at. The age of the buffer's end is read to within this. */
const lookInterval = 50;

/** Frames of WebRTC stand when none was shown for this long, milliseconds: 2 frames per second are the least that is called live. */
const standsAfter = 500;

/** What is seen of the element and its latency. */
export type MonitorReading = {
  readonly latency: Millis | undefined;
  readonly target: Millis | undefined;
  readonly buffer: Millis;
};

/** Options of {@link PlaybackMonitor}. */
export type MonitorOptions = {
  readonly video: HTMLVideoElement;
  /** The server's clock. */
  readonly now: () => WallTime;
  /** The playhead is too far behind to catch up by playing faster: it should jump ahead by so much. */
  readonly farBehind: (by: Millis) => void;
};

/** Looks at the element, keeps the latency at its target by the playback rate, and counts stalls. */
export class PlaybackMonitor {
  readonly #options: MonitorOptions;
  readonly #controller = new LatencyController();
  readonly #ends = new AbortController();
  readonly #timer: ReturnType<typeof setInterval>;
  #engine: Engine | undefined;
  #bufferEnd = 0;
  #reading: MonitorReading = { latency: undefined, target: undefined, buffer: millis(0) };
  #begun = false;
  #standsSince: number | undefined;
  /** The page was hidden, or paused, until then. */
  #seenAt = 0;
  #stalledFor = 0;
  #stalls = 0;
  /** False while the viewer watches behind the live edge on purpose. */
  following = true;
  /** How fast what is not live is played. */
  pace = 1;

  constructor(options: MonitorOptions) {
    this.#options = options;
    const { video } = options;
    const { signal } = this.#ends;
    video.addEventListener('waiting', () => this.#onWaiting(), { signal });
    video.addEventListener('playing', () => this.#onPlaying(), { signal });
    for (const event of ['seeking', 'emptied', 'pause'] as const) {
      // Seeking to the live edge belongs to the start.
      video.addEventListener(event, () => this.#begun && this.#endStall(), { signal });
    }
    document.addEventListener('visibilitychange', () => (this.#seenAt = performance.now()), { signal });
    this.#timer = setInterval(() => this.look(), lookInterval);
  }

  /** Another engine plays, or none. Its first wait is the start, not a stall. */
  watch(engine: Engine | undefined): void {
    this.#engine = engine;
    this.#controller.renew();
    this.#bufferEnd = 0;
    this.#endStall();
    this.#begun = false;
    this.#standsSince = engine === undefined ? undefined : performance.now();
    this.#setRate(this.pace);
  }

  get reading(): MonitorReading {
    return this.#reading;
  }

  get stalls(): number {
    return this.#stalls;
  }

  /** How long the picture stood still in all. */
  get stalledFor(): Millis {
    return millis(this.#stalledFor + (this.#begun ? this.standing : 0));
  }

  /** For how long nothing has moved although it should, the start included; zero while it moves or is paused. */
  get standing(): Millis {
    return millis(this.#standsSince === undefined || this.#options.video.paused ? 0 : performance.now() - this.#standsSince);
  }

  /** Something has begun to move, and nothing stands or is paused. */
  get moves(): boolean {
    return this.#begun && this.#standsSince === undefined && !this.#options.video.paused;
  }

  /** The engine has shown something. */
  get shows(): boolean {
    return this.#begun;
  }

  /** Looks at once; called when the buffer has changed. */
  look(): void {
    const { video } = this.#options;
    const engine = this.#engine;
    const end = bufferedEnd(video);
    // What counts is how old the buffer's end had become when it was replaced.
    const before = end > this.#bufferEnd && this.#bufferEnd > video.currentTime ? this.#bufferEnd : end;
    this.#bufferEnd = end;
    const shownAt = engine?.shownAt();
    const latency = shownAt === undefined ? undefined : millis(this.#options.now() - shownAt);
    // An element that has shown nothing yet stands at zero, which says nothing of the latency.
    this.#reading = { ...this.#reading, latency: this.#begun ? latency : undefined, buffer: millis(Math.max(end - video.currentTime, 0) * 1_000) };
    this.#lookAtFrames();
    const moves = !video.paused && !video.seeking && video.readyState >= HTMLMediaElement.HAVE_FUTURE_DATA;
    if (engine?.partTarget === undefined || latency === undefined || !this.following || !moves) {
      this.#setRate(this.pace);
      if (engine !== undefined && engine.partTarget === undefined) {
        this.#reading = { ...this.#reading, target: undefined };
      }
      return;
    }
    const step = this.#controller.step({
      now: millis(performance.now()),
      latency,
      buffer: millis(Math.max(before - video.currentTime, 0) * 1_000),
      part: engine.partTarget,
    });
    this.#reading = { ...this.#reading, target: step.target };
    this.#setRate(engine.kind === 'native' ? 1 : step.rate);
    if (step.jump !== undefined) {
      this.#options.farBehind(step.jump);
    }
  }

  close(): void {
    clearInterval(this.#timer);
    this.#ends.abort();
  }

  #setRate(rate: number): void {
    const { video } = this.#options;
    if (video.playbackRate !== rate) {
      video.playbackRate = rate;
    }
  }

  /** Elements that play a stream of WebRTC do not say that they stand: their frames tell. A hidden page shows none. */
  #lookAtFrames(): void {
    const last = this.#engine?.lastFrameAt;
    if (last === undefined || !this.#begun || document.visibilityState !== 'visible') {
      return;
    }
    const now = performance.now();
    const gap = now - Math.max(last, this.#seenAt);
    if (this.#options.video.paused) {
      this.#seenAt = now;
    } else if (gap > standsAfter && this.#standsSince === undefined) {
      this.#stalls += 1;
      this.#standsSince = now - gap;
    } else if (gap <= standsAfter && this.#standsSince !== undefined) {
      this.#endStall();
    }
  }

  #onWaiting(): void {
    const { video } = this.#options;
    if (this.#begun && !video.seeking && !video.paused && this.#standsSince === undefined) {
      this.#stalls += 1;
      this.#standsSince = performance.now();
    }
  }

  #onPlaying(): void {
    this.#endStall();
    this.#begun = true;
  }

  #endStall(): void {
    if (this.#standsSince !== undefined) {
      const length = this.#begun ? performance.now() - this.#standsSince : 0;
      this.#standsSince = undefined;
      if (length > 0) {
        this.#stalledFor += length;
        this.#controller.stalled(millis(length));
      }
    }
  }
}

/** The end of the buffered range that holds the playhead; the playhead where none does. */
function bufferedEnd({ buffered, currentTime }: HTMLVideoElement): number {
  for (let i = 0; i < buffered.length; i += 1) {
    if (buffered.start(i) <= currentTime + 0.1 && buffered.end(i) > currentTime) {
      return buffered.end(i);
    }
  }
  return currentTime;
}
