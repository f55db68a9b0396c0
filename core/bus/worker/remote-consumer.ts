import type { Frame } from '../../media/frame.ts';
import type { ConsumeOptions, Losses, TrackConsumer } from '../bus.ts';
import type { BusReport } from './messages.ts';

/** Frames and bytes that may be on their way here or wait here, beyond which the queue at the bus fills: a burst of a backlog. */
const WINDOW_FRAMES = 256;
const WINDOW_BYTES = 8 * 1024 * 1024;

/** A frame, and whether more of the backlog follows it. */
type Arrived = { readonly frame: Frame; readonly isBehind: boolean };

/** What a consumer asks of its bus. */
export type RemoteConsumerEvents = { readonly grant: (frames: number, bytes: number) => void; readonly closed: () => void };

/**
 * A subscription to a track of another thread. The queue that overflows is at the bus; here waits no more than a window, which
 * opens when the reader first asks, so a reader that never does takes nothing out of the queue.
 */
export class RemoteConsumer implements TrackConsumer {
  readonly closed: Promise<void>;
  readonly #events: RemoteConsumerEvents;
  readonly #window: { readonly frames: number; readonly bytes: number };
  readonly #end = Promise.withResolvers<void>();
  #frames: Arrived[] = [];
  #head = 0;
  #queuedBytes = 0;
  /** Read and not granted again yet. */
  #read = { frames: 0, bytes: 0 };
  #isOpen = false;
  #isBehind = true;
  #ended = false;
  #isClosed = false;
  #losses: Losses = { groups: 0, frames: 0 };
  #waiter: ((frame: Frame | undefined) => void) | undefined;

  constructor({ maxFrames = WINDOW_FRAMES, maxBytes = WINDOW_BYTES }: ConsumeOptions, events: RemoteConsumerEvents) {
    this.#events = events;
    this.#window = { frames: Math.min(WINDOW_FRAMES, maxFrames), bytes: Math.min(WINDOW_BYTES, maxBytes) };
    this.closed = this.#end.promise;
  }

  get losses(): Losses {
    return this.#losses;
  }

  get queued(): { readonly frames: number; readonly bytes: number } {
    return { frames: this.#frames.length - this.#head, bytes: this.#queuedBytes };
  }

  get isBehind(): boolean {
    return this.#isBehind;
  }

  /** Called by the bus. */
  receive(report: BusReport): void {
    if (report.tell === 'frame') {
      this.#losses = report.losses;
      this.#push(report);
    } else if (report.tell === 'live') {
      this.#isBehind = false;
    } else if (report.tell === 'end') {
      this.#losses = report.losses;
      this.#ended = true;
      if (this.queued.frames === 0) {
        this.close();
      }
    } else if (report.tell === 'refused') {
      this.close();
    }
  }

  tryNext(): Frame | undefined {
    this.#open();
    const arrived = this.#frames[this.#head];
    if (arrived === undefined) {
      return undefined;
    }
    const { frame, isBehind } = arrived;
    this.#isBehind = isBehind;
    this.#head += 1;
    this.#queuedBytes -= frame.data.byteLength;
    if (this.#head === this.#frames.length) {
      this.#frames = [];
      this.#head = 0;
      if (this.#ended) {
        this.close();
      }
    }
    this.#taken(frame);
    return frame;
  }

  next(): Promise<Frame | undefined> {
    const frame = this.tryNext();
    if (frame !== undefined || this.#isClosed) {
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
    if (this.#isClosed) {
      return;
    }
    this.#isClosed = true;
    this.#frames = [];
    this.#head = 0;
    this.#queuedBytes = 0;
    this.#settle(undefined);
    this.#events.closed();
    this.#end.resolve();
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

  #open(): void {
    if (!this.#isOpen && !this.#isClosed) {
      this.#isOpen = true;
      this.#events.grant(this.#window.frames, this.#window.bytes);
    }
  }

  #push({ frame, isBehind }: Arrived): void {
    if (this.#isClosed) {
      return;
    }
    if (this.#waiter !== undefined) {
      this.#isBehind = isBehind;
      this.#taken(frame);
      this.#settle(frame);
      return;
    }
    this.#frames.push({ frame, isBehind });
    this.#queuedBytes += frame.data.byteLength;
  }

  /** Grants again what was read, some at a time: a message for each frame would double their number. */
  #taken({ data }: Frame): void {
    this.#read.frames += 1;
    this.#read.bytes += data.byteLength;
    if (!this.#isClosed && (this.#read.frames * 4 >= this.#window.frames || this.#read.bytes * 4 >= this.#window.bytes)) {
      this.#events.grant(this.#read.frames, this.#read.bytes);
      this.#read = { frames: 0, bytes: 0 };
    }
  }

  #settle(frame: Frame | undefined): void {
    const waiter = this.#waiter;
    this.#waiter = undefined;
    waiter?.(frame);
  }
}
