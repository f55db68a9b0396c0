import type { Bus, TrackProducer } from '#core/bus/bus.ts';
import type { BroadcastId } from '#core/media/frame.ts';
import type { TrackName } from '#core/media/track.ts';

/** The producers of one broadcast's encoded tracks, each opened when it is first needed. */
export class Producers {
  readonly #open: (track: TrackName) => TrackProducer;
  readonly #producers = new Map<TrackName, TrackProducer>();

  constructor(bus: Bus, broadcast: BroadcastId, fence: number) {
    this.#open = (track) => bus.produce(broadcast, track, { fence });
  }

  of(track: TrackName): TrackProducer {
    const producer = this.#producers.get(track) ?? this.#open(track);
    this.#producers.set(track, producer);
    return producer;
  }

  /** Idempotent. */
  close(): void {
    this.#producers.forEach((producer) => producer.close());
  }
}
