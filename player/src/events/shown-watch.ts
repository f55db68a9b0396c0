import type { ShownMoment } from './event-schedule.ts';

/** Frames that stay away for longer than this are not coming: sound only, a hidden page, or a browser that tells of none. */
const framesCount = 250;

/** Where frames do not tell, what is played is looked at this often while a message waits, milliseconds; positions are looked at when the message is due. */
const lookInterval = 50;

/** Browsers stretch timers anyway; an element that stands is looked at this often. */
const longestWait = 1_000;

/** What the watch asks and tells. */
export interface ShownListener {
  /** A frame, or a sound, is shown now. */
  shown(moment: ShownMoment): void;
  /** Another position is about to be shown. */
  jumps(): void;
  /** How far after a moment the next message lies, seconds; undefined while none waits. */
  nextAfter(moment: ShownMoment): number | undefined;
  /** RTP timestamp of what is played now, where the way is WebRTC. */
  playedTimestamp(): Extract<ShownMoment, { kind: 'rtp' }> | undefined;
}

/** Watches what an element shows: by its frames, and by its position or what WebRTC says where frames do not tell. */
export class ShownWatch {
  readonly #video: HTMLVideoElement;
  readonly #listener: ShownListener;
  readonly #ends = new AbortController();
  #handle: number | undefined;
  #frameAt = -Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(video: HTMLVideoElement, listener: ShownListener) {
    this.#video = video;
    this.#listener = listener;
    const { signal } = this.#ends;
    video.addEventListener('seeking', () => listener.jumps(), { signal });
    for (const event of ['timeupdate', 'playing', 'ratechange'] as const) {
      video.addEventListener(event, () => this.look(), { signal });
    }
    if ('requestVideoFrameCallback' in video) {
      this.#nextFrame();
    }
  }

  /** Looks at what is played where frames do not tell, and comes back when the next message is due. */
  look(): void {
    clearTimeout(this.#timer);
    if (this.#ends.signal.aborted || performance.now() - this.#frameAt < framesCount) {
      return;
    }
    const moment = this.#played();
    if (moment !== undefined) {
      this.#listener.shown(moment);
      this.#comeBack(moment);
    }
  }

  /** Idempotent. */
  close(): void {
    this.#ends.abort();
    clearTimeout(this.#timer);
    if (this.#handle !== undefined) {
      this.#video.cancelVideoFrameCallback(this.#handle);
      this.#handle = undefined;
    }
  }

  #played(): ShownMoment | undefined {
    const { seeking, readyState, currentTime, srcObject } = this.#video;
    if (seeking || readyState < HTMLMediaElement.HAVE_CURRENT_DATA) {
      return undefined;
    }
    return srcObject === null ? { kind: 'position', position: currentTime } : this.#listener.playedTimestamp();
  }

  #comeBack(moment: ShownMoment): void {
    const { paused, playbackRate } = this.#video;
    const after = this.#listener.nextAfter(moment);
    if (after === undefined || paused) {
      // A new message, or an event of the element, makes us look again.
      return;
    }
    const due = moment.kind === 'position' ? (after * 1_000) / Math.max(playbackRate, 0.1) : lookInterval;
    this.#timer = setTimeout(() => this.look(), Math.min(Math.max(due, 1), longestWait));
  }

  #nextFrame(): void {
    const onFrame = (_now: number, { mediaTime, rtpTimestamp }: VideoFrameCallbackMetadata): void => {
      this.#handle = this.#video.requestVideoFrameCallback(onFrame);
      if (this.#video.srcObject === null) {
        this.#frame({ kind: 'position', position: mediaTime });
      } else if (rtpTimestamp !== undefined) {
        this.#frame({ kind: 'rtp', media: 'video', timestamp: rtpTimestamp });
      }
      if (this.#video.seeking) {
        // A last frame from before the jump, which is still to come.
        this.#listener.jumps();
      }
    };
    this.#handle = this.#video.requestVideoFrameCallback(onFrame);
  }

  #frame(moment: ShownMoment): void {
    this.#frameAt = performance.now();
    this.#listener.shown(moment);
  }
}
