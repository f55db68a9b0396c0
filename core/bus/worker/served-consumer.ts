import type { Frame } from '../../media/frame.ts';
import type { Losses, TrackConsumer } from '../bus.ts';
import { sharedBytes } from './shared-bytes.ts';

/** What becomes of a subscription. */
export type ServedConsumerEvents = {
  /** `isBehind`: more was there when the subscription began. */
  readonly frame: (frame: Frame, losses: Losses, isBehind: boolean) => void;
  /** Nothing was there. */
  readonly live: () => void;
  readonly ended: (losses: Losses) => void;
};

/**
 * A worker's subscription, on the side of the bus: passes on what the worker granted, and leaves the rest in the consumer's
 * own bounded queue, which loses whole groups where the worker is slow.
 */
export class ServedConsumer {
  readonly #consumer: TrackConsumer;
  readonly #events: ServedConsumerEvents;
  #frames = 0;
  #bytes = 0;
  #isPumping = false;
  #isBehind = true;
  #isDropped = false;
  #isOver = false;

  constructor(consumer: TrackConsumer, events: ServedConsumerEvents) {
    this.#consumer = consumer;
    this.#events = events;
    void consumer.closed.then(() => this.#ended());
  }

  /** The worker takes so many more. */
  grant(frames: number, bytes: number): void {
    this.#frames += frames;
    this.#bytes += bytes;
    if (!this.#isPumping) {
      void this.#pump();
    }
  }

  /** Ends the subscription. */
  drop(): void {
    this.#isDropped = true;
    this.#consumer.close();
  }

  async #pump(): Promise<void> {
    this.#isPumping = true;
    while (this.#frames > 0 && this.#bytes > 0) {
      const frame = this.#consumer.tryNext() ?? (await this.#wait());
      if (frame === undefined || this.#isDropped) {
        break;
      }
      this.#frames -= 1;
      this.#bytes -= frame.data.byteLength;
      this.#isBehind &&= this.#consumer.queued.frames > 0 || this.#consumer.isBehind === true;
      this.#events.frame(sharedBytes.frame(frame), this.#consumer.losses, this.#isBehind);
    }
    this.#isPumping = false;
    if (this.#isOver) {
      this.#ended();
    }
  }

  #wait(): Promise<Frame | undefined> {
    // Where the bus itself reaches over a network, an empty queue is not the end of the backlog.
    if (this.#isBehind && this.#consumer.isBehind !== true) {
      this.#isBehind = false;
      this.#events.live();
    }
    return this.#consumer.next();
  }

  #ended(): void {
    // The last frames may still be on their way through the pump.
    this.#isOver = true;
    if (!this.#isPumping && !this.#isDropped) {
      this.#isDropped = true;
      this.#events.ended(this.#consumer.losses);
    }
  }
}
