import type { Frame } from '../../media/frame.ts';
import type { Losses } from '../bus.ts';

/** Bounds of a {@link FrameQueue}. */
export type FrameQueueBounds = { readonly maxFrames: number; readonly maxBytes: number };

/** What a {@link FrameQueue} holds: a frame, or what goes with one. */
export type Queueable = Pick<Frame, 'epoch' | 'group' | 'data'>;

/**
 * A bounded queue of one track's frames that overflows by whole groups, oldest first. A group that is still arriving
 * when it is dropped is skipped to its end, so a reader never sees a group with a hole in it: at worst one that is cut.
 */
export class FrameQueue<T extends Queueable = Frame> {
  readonly #bounds: FrameQueueBounds;
  #frames: T[] = [];
  /** Index of the oldest frame; what is before it has been read. */
  #head = 0;
  #bytes = 0;
  /** The group whose remaining frames are to be dropped as they arrive. */
  #skipping: T | undefined;
  #losses = { groups: 0, frames: 0 };

  constructor(bounds: FrameQueueBounds) {
    this.#bounds = bounds;
  }

  /** Frames waiting. */
  get length(): number {
    return this.#frames.length - this.#head;
  }

  /** Bytes waiting. */
  get bytes(): number {
    return this.#bytes;
  }

  /** What was dropped so far. */
  get losses(): Losses {
    return { ...this.#losses };
  }

  /** Appends a frame, dropping the oldest groups where a bound is crossed. */
  push(frame: T): void {
    if (this.#skipping !== undefined) {
      if (sameGroup(frame, this.#skipping)) {
        this.#losses.frames += 1;
        return;
      }
      this.#skipping = undefined;
    }
    this.#frames.push(frame);
    this.#bytes += frame.data.byteLength;
    while (this.length > this.#bounds.maxFrames || (this.#bytes > this.#bounds.maxBytes && this.length > 0)) {
      this.#dropOldestGroup(frame);
    }
  }

  /** Takes the oldest frame. */
  shift(): T | undefined {
    const frame = this.#frames[this.#head];
    if (frame === undefined) {
      return undefined;
    }
    this.#head += 1;
    this.#bytes -= frame.data.byteLength;
    // Moving the rest down once in a while keeps shifting at constant cost without holding on to what was read.
    if (this.#head >= 64 && this.#head * 2 >= this.#frames.length) {
      this.#frames = this.#frames.slice(this.#head);
      this.#head = 0;
    } else if (this.#head === this.#frames.length) {
      this.#frames.length = 0;
      this.#head = 0;
    }
    return frame;
  }

  /** Drops everything without counting it as lost. */
  clear(): void {
    this.#frames = [];
    this.#head = 0;
    this.#bytes = 0;
  }

  #dropOldestGroup(newest: T): void {
    const oldest = this.#frames[this.#head];
    if (oldest === undefined) {
      return;
    }
    this.#losses.groups += 1;
    while (this.length > 0 && sameGroup(this.#frames[this.#head] ?? oldest, oldest)) {
      this.shift();
      this.#losses.frames += 1;
    }
    if (sameGroup(oldest, newest)) {
      this.#skipping = newest;
    }
  }
}

function sameGroup(a: Queueable, b: Queueable): boolean {
  return a.group === b.group && a.epoch === b.epoch;
}
