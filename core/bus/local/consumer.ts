import type { Frame } from '../../media/frame.ts';
import type { ConsumeOptions, Losses, TrackConsumer } from '../bus.ts';
import { FrameQueue } from './frame-queue.ts';

const DEFAULT_MAX_FRAMES = 1024;
const DEFAULT_MAX_BYTES = 32 * 1024 * 1024;

/** Names a group of a track. */
export type GroupPlace = Pick<Frame, 'epoch' | 'group'>;

/** A subscription to a track in the same process. */
export class LocalConsumer implements TrackConsumer {
  readonly closed: Promise<void>;
  readonly #queue: FrameQueue;
  readonly #release: () => void;
  #settleClosed: () => void = () => undefined;
  #waiter: ((frame: Frame | undefined) => void) | undefined;
  /** No frame will come any more. */
  #ended = false;
  #skipped: GroupPlace | undefined;
  #isBehind = false;
  /** All of the backlog is in the queue, or was read. */
  #hasBacklog = true;
  #lost: Losses = { groups: 0, frames: 0 };

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
    const { groups, frames } = this.#queue.losses;
    return { groups: groups + this.#lost.groups, frames: frames + this.#lost.frames };
  }

  /** True while what was handed over last is older than what is still to come of the backlog. False from the start where the backlog is here at once. */
  get isBehind(): boolean {
    return this.#isBehind;
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
      if ((frame.epoch - this.#skipped.epoch || frame.group - this.#skipped.group) <= 0) {
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

  /** Called by the track: leaves out all up to the end of a group that began before the subscription. */
  skipThrough(group: GroupPlace): void {
    this.#skipped = group;
  }

  /** Called by the track: what it lost before it came to the queue. */
  lose({ groups, frames }: Losses): void {
    this.#lost = { groups: this.#lost.groups + groups, frames: this.#lost.frames + frames };
  }

  /** Called by the track: the backlog is on its way. */
  awaitBacklog(): void {
    this.#isBehind = true;
    this.#hasBacklog = false;
  }

  /** Called by the track: the backlog is here. */
  backlogArrived(): void {
    this.#hasBacklog = true;
    this.#noteRead();
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
    this.#noteRead();
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

  #noteRead(): void {
    if (this.#isBehind && this.#hasBacklog && this.#queue.length === 0) {
      this.#isBehind = false;
    }
  }

  #settle(frame: Frame | undefined): void {
    const waiter = this.#waiter;
    this.#waiter = undefined;
    waiter?.(frame);
  }
}
