import type { Bus, TrackProducer } from '#core/bus/bus.ts';
import type { BroadcastId, Frame } from '#core/media/frame.ts';
import type { TrackName } from '#core/media/track.ts';
import type { Pulse } from './pulse.ts';

/** What {@link Producers} work with. */
export type ProducersOptions = {
  readonly bus: Pick<Bus, 'produce'>;
  readonly broadcast: BroadcastId;
  readonly fence: number;
  /** Holds what is written until {@link Producers.open}. */
  readonly held?: boolean;
  /** Tells whether this process was paused. */
  readonly pulse: Pulse;
  /** Called with the first frame that is held. */
  readonly onHeld: () => void;
};

/** Frames that may be held: some seconds of a few rungs and their sound. Beyond it they are written, whatever is waited for. */
const MAX_HELD = 4096;

/**
 * The producers of one broadcast's encoded tracks, each opened with its first frame: opening one shuts out all of a lower fence. What is
 * written waits while another transcoder may still be writing, or may have taken over while this process was paused.
 */
export class Producers {
  readonly #options: ProducersOptions;
  readonly #producers = new Map<TrackName, TrackProducer>();
  readonly #waiting: Frame[] = [];
  #held: boolean;
  #closed = false;

  constructor(options: ProducersOptions) {
    this.#options = options;
    this.#held = options.held === true;
  }

  /** Where a track's frames are written to; what they throw comes from there or from {@link Producers.open}. */
  of(track: TrackName): Pick<TrackProducer, 'write'> {
    return { write: (frame) => this.#write(this.#track(track), frame) };
  }

  /** Holds what is written from now on. */
  hold(): void {
    this.#held = true;
  }

  /**
   * Writes what was held, and all that comes.
   *
   * @throws {MillraceError} `bus/fenced` where another transcoder has taken over.
   */
  open(): void {
    this.#held = false;
    this.#waiting.splice(0).forEach((frame) => this.#track(frame.track)(frame));
  }

  /** What is held is dropped. Idempotent. */
  close(): void {
    this.#closed = true;
    this.#waiting.length = 0;
    this.#producers.forEach((producer) => producer.close());
  }

  #write(put: (frame: Frame) => boolean, frame: Frame): boolean {
    if (this.#closed) {
      return false;
    }
    this.#held ||= this.#options.pulse.missed;
    if (!this.#held) {
      return put(frame);
    }
    this.#waiting.push(frame);
    if (this.#waiting.length === 1) {
      this.#options.onHeld();
    }
    if (this.#waiting.length > MAX_HELD) {
      this.open();
    }
    return true;
  }

  #track(track: TrackName): (frame: Frame) => boolean {
    return (frame) => {
      const { bus, broadcast, fence } = this.#options;
      const producer = this.#producers.get(track) ?? bus.produce(broadcast, track, { fence });
      this.#producers.set(track, producer);
      return producer.write(frame);
    };
  }
}
