import type { Frame } from '../../../media/frame.ts';
import { FrameQueue, type Queueable } from '../../local/frame-queue.ts';
import type { MediaCounters } from './counters.ts';
import { MAX_FRAME_BYTES, writeFrame } from './message.ts';
import type { Outlet, Source } from './outlet.ts';

/** What of a track may wait for the connection: 10 s of 60 frames a second and more, and one frame as large as may be. */
const MAX_FRAMES = 1024;

type Waiting = Queueable & { readonly frame: Frame; readonly number: number };

/**
 * Sends the frames that this process writes to a track. Where NATS is slow they wait here and whole groups are lost, oldest first; where it is away
 * nothing waits: who missed something asks for it afterwards, and the track has it for 8 s.
 */
export class TrackWriter implements Source {
  readonly subject: string;
  readonly #run: number;
  readonly #outlet: Outlet;
  readonly #counters: MediaCounters;
  readonly #queue = new FrameQueue<Waiting>({ maxFrames: MAX_FRAMES, maxBytes: MAX_FRAME_BYTES });
  #pieces: readonly Uint8Array[] = [];
  #piece = 0;
  /** Losses of the queue that readers were told of. */
  #told = 0;
  #groupsLost = 0;

  constructor({ subject, run, outlet, counters }: { readonly subject: string; readonly run: number; readonly outlet: Outlet; readonly counters: MediaCounters }) {
    this.subject = subject;
    this.#run = run;
    this.#outlet = outlet;
    this.#counters = counters;
  }

  /** Frames and bytes that wait for the connection. */
  get queued(): { readonly frames: number; readonly bytes: number } {
    return { frames: this.#queue.length, bytes: this.#queue.bytes };
  }

  /** Sends a frame now or later, or not at all. `number` counts the track's frames of this process. */
  write(frame: Frame, number: number): void {
    if (frame.data.byteLength > MAX_FRAME_BYTES) {
      this.#counters.oversized += 1;
      return;
    }
    if (!this.#outlet.isConnected) {
      return;
    }
    const { epoch, group, data } = frame;
    this.#queue.push({ epoch, group, data, frame, number });
    const { groups } = this.#queue.losses;
    this.#counters.groupsLost.queue += groups - this.#groupsLost;
    this.#groupsLost = groups;
    this.#outlet.ready(this, 'live');
  }

  next(): Uint8Array | undefined {
    if (this.#piece === this.#pieces.length && !this.#begin()) {
      return undefined;
    }
    const message = this.#pieces[this.#piece];
    this.#piece += 1;
    if (this.#piece === this.#pieces.length) {
      this.#pieces = [];
      this.#piece = 0;
    }
    return message;
  }

  /** Drops what waits. */
  clear(): void {
    this.#queue.clear();
    this.#pieces = [];
    this.#piece = 0;
  }

  #begin(): boolean {
    const waiting = this.#queue.shift();
    if (waiting === undefined) {
      return false;
    }
    const { frames } = this.#queue.losses;
    const isAfterDrop = frames !== this.#told;
    this.#told = frames;
    this.#pieces = writeFrame({ run: this.#run, number: waiting.number, isAfterDrop, frame: waiting.frame }, this.#outlet.maxPayload);
    this.#piece = 0;
    this.#counters.out.frames += 1;
    return true;
  }
}
