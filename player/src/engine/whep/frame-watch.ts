/** A frame on its way to the screen. */
export type ShownFrame = {
  /** Undefined where the browser does not tell (Firefox, Safari). */
  readonly rtpTimestamp: number | undefined;
  /** When it is on the screen, by `performance.now()`. */
  readonly at: number;
};

/** Watches frames as they are shown on an element. */
export class FrameWatch {
  readonly #video: HTMLVideoElement;
  readonly #shown: (width: number, height: number) => void;
  #handle: number | undefined;
  #lastFrameAt: number | undefined;
  #shownFrame: ShownFrame | undefined;

  /** `shown` hears of the first frame, and of each one of another size. */
  constructor(video: HTMLVideoElement, shown: (width: number, height: number) => void) {
    this.#video = video;
    this.#shown = shown;
    // Firefox has it since 132, Safari since 15.4: elsewhere the element's own events have to do.
    if ('requestVideoFrameCallback' in video) {
      this.#next();
    }
  }

  /** When the last frame was shown, by `performance.now()`. A hidden page shows none. */
  get lastFrameAt(): number | undefined {
    return this.#lastFrameAt;
  }

  /** The last frame; undefined before the first. */
  get shownFrame(): ShownFrame | undefined {
    return this.#shownFrame;
  }

  close(): void {
    if (this.#handle !== undefined) {
      this.#video.cancelVideoFrameCallback(this.#handle);
      this.#handle = undefined;
    }
  }

  #next(): void {
    let width = 0;
    let height = 0;
    const onFrame = (now: number, frame: VideoFrameCallbackMetadata): void => {
      this.#handle = this.#video.requestVideoFrameCallback(onFrame);
      this.#lastFrameAt = Math.max(now, this.#lastFrameAt ?? 0);
      // Where browsers compose in software, the time that they expect lies in the past by a frame.
      this.#shownFrame = { rtpTimestamp: frame.rtpTimestamp, at: Math.max(frame.expectedDisplayTime, performance.now()) };
      if (frame.width !== width || frame.height !== height) {
        ({ width, height } = frame);
        this.#shown(width, height);
      }
    };
    this.#handle = this.#video.requestVideoFrameCallback(onFrame);
  }
}
