import { millis } from '#core/media/time.ts';
import type { Millis } from '#core/media/time.ts';
import type { Engine } from '../engine/engine.ts';
import type { PlaybackMonitor } from './playback-monitor.ts';

/** Away from the very end of what is loaded, seconds. */
const endMargin = 0.2;

/** Farther behind the target than this, going live means to jump. */
const worthJump = 700;

/** Moves the playhead within what is loaded, and to the live edge. */
export class Playhead {
  readonly #video: HTMLVideoElement;
  readonly #monitor: PlaybackMonitor;

  constructor(video: HTMLVideoElement, monitor: PlaybackMonitor) {
    this.#video = video;
    this.#monitor = monitor;
  }

  /** True where a move by so much stays within what is loaded. */
  reaches(by: Millis): boolean {
    const { buffered, currentTime } = this.#video;
    const to = currentTime + by / 1_000;
    for (let i = 0; i < buffered.length; i += 1) {
      if (buffered.start(i) + endMargin <= to && to <= buffered.end(i) - endMargin) {
        return true;
      }
    }
    return false;
  }

  /** Moves within what is loaded, and follows the live edge again when it comes near it. WebRTC has nothing to move within. */
  seekBy(seconds: number, engine: Engine | undefined): void {
    const video = this.#video;
    const live = engine?.livePosition();
    if (video.buffered.length === 0 || live === undefined) {
      return;
    }
    const first = video.buffered.start(0);
    const last = video.buffered.end(video.buffered.length - 1) - endMargin;
    const to = Math.min(Math.max(video.currentTime + seconds, first + endMargin), last);
    this.#monitor.following = to >= Math.min(live, last) - endMargin;
    video.currentTime = to;
  }

  /** Goes to the live edge and stays there. */
  goLive(engine: Engine | undefined): void {
    this.#monitor.following = true;
    const { latency, target } = this.#monitor.reading;
    if (latency !== undefined && target !== undefined && latency - target > worthJump) {
      this.jump(millis(latency - target), engine);
    }
  }

  /** Jumps ahead: within what is loaded if that reaches, else to where the engine would join. */
  jump(by: Millis, engine: Engine | undefined): void {
    const video = this.#video;
    const to = video.currentTime + by / 1_000;
    const loaded = this.#monitor.reading.buffer / 1_000;
    const live = engine?.livePosition();
    if (to < video.currentTime + loaded) {
      video.currentTime = to;
    } else if (live !== undefined && live > video.currentTime + endMargin) {
      video.currentTime = live;
    }
  }
}
