import type { Frame, FramePlace } from '../../media/frame.ts';
import type { ConsumeOptions, Losses, TrackConsumer } from '../bus.ts';
import { FrameQueue } from './frame-queue.ts';

const DEFAULT_MAX_FRAMES = 1024;
const DEFAULT_MAX_BYTES = 32 * 1024 * 1024;

/** A subscription to a track in the same process. */
export class LocalConsumer implements TrackConsumer {
  readonly closed: Promise<void>;
  readonly #queue: FrameQueue;
  readonly #release: () => void;
  #settleClosed: () => void = () => undefined;
  #waiter: ((frame: Frame | undefined) => void) | undefined;
  /** No frame will come any more. */
  #ended = false;
  #skipped: FramePlace | undefined;

  constructor(options: ConsumeOptions, release: () => void) {
    this.#queue = new FrameQueue({
      maxFrames: options.maxFrames ?? DEFAULT_MAX_FRAMES,
      maxBytes: options.maxBytes ?? DEFAULT_MAX_BYTES,
    });
    this.#release = release;
    this.closed = new Promise((resolve) => {
      this.#settleClosed = resolve;
    });
  }

  get losses(): Losses {
    return this.#queue.losses;
  }

  get queued(): { readonly frames: number; readonly bytes: number } {
    return { frames: this.#queue.length, bytes: this.#queue.bytes };
  }

  /** Called by the track. */
  push(frame: Frame): void {
    if (this.#ended) {
      return;
    }
    if (this.#skipped !== undefined) {
      if (frame.group === this.#skipped.group && frame.epoch === this.#skipped.epoch) {
        return;
      }
      this.#skipped = undefined;
    }
    if (this.#waiter !== undefined) {
      this.#settle(frame);
      return;
    }
    this.#queue.push(frame);
  }

  /** Called by the track: leaves out what remains of a group that began before the subscription. */
  skipGroupOf(place: FramePlace): void {
    this.#skipped = place;
  }

  /** Called by the track: ends the subscription once the queue is read. */
  end(): void {
    this.#ended = true;
    if (this.#queue.length === 0) {
      this.close();
    }
  }

  tryNext(): Frame | undefined {
    const frame = this.#queue.shift();
    if (frame !== undefined && this.#ended && this.#queue.length === 0) {
      this.close();
    }
    return frame;
  }

  next(): Promise<Frame | undefined> {
    const frame = this.tryNext();
    if (frame !== undefined || this.#ended) {
      return Promise.resolve(frame);
    }
    if (this.#waiter !== undefined) {
      return Promise.reject(new Error('next() is already waiting'));
    }
    return new Promise((resolve) => {
      this.#waiter = resolve;
    });
  }

  close(): void {
    this.#ended = true;
    this.#queue.clear();
    this.#settle(undefined);
    this.#release();
    this.#settleClosed();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Frame, void, void> {
    try {
      for (let frame = await this.next(); frame !== undefined; frame = await this.next()) {
        yield frame;
      }
    } finally {
      this.close();
    }
  }

  #settle(frame: Frame | undefined): void {
    const waiter = this.#waiter;
    this.#waiter = undefined;
    waiter?.(frame);
  }
}
