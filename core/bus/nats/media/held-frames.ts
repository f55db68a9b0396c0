import type { NumberedFrame } from './message.ts';

/** Frames that wait while what belongs before them is asked for: seconds, so as much as a consumer's queue takes. */
const MAX_FRAMES = 4096;
const MAX_BYTES = 32 * 1024 * 1024;

/** Frames in the order in which they came. Where they are too many the oldest go; their missing numbers tell what was lost. */
export class HeldFrames {
  #frames: NumberedFrame[] = [];
  #head = 0;
  #bytes = 0;

  get first(): NumberedFrame | undefined {
    return this.#frames[this.#head];
  }

  get bytes(): number {
    return this.#bytes;
  }

  push(frame: NumberedFrame): void {
    this.#frames.push(frame);
    this.#bytes += frame.frame.data.byteLength;
    while (this.#frames.length - this.#head > MAX_FRAMES || this.#bytes > MAX_BYTES) {
      this.shift();
    }
  }

  shift(): NumberedFrame | undefined {
    const frame = this.first;
    if (frame !== undefined) {
      this.#head += 1;
      this.#bytes -= frame.frame.data.byteLength;
    }
    if (this.#head === this.#frames.length || this.#head > MAX_FRAMES) {
      this.#frames = this.#frames.slice(this.#head);
      this.#head = 0;
    }
    return frame;
  }

  clear(): void {
    this.#frames = [];
    this.#head = 0;
    this.#bytes = 0;
  }
}
