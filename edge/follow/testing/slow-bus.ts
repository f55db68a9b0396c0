import type { Bus, TrackConsumer } from '#core/bus/bus.ts';
import type { Frame } from '#core/media/frame.ts';
import type { TrackName } from '#core/media/track.ts';

/** The subscriptions that are open on a bus, by track; made while this watches. */
export function countSubscriptions(bus: Bus): Map<TrackName, number> {
  const open = new Map<TrackName, number>();
  const { consume } = bus;
  bus.consume = (broadcast, track, options) => {
    const consumer = consume.call(bus, broadcast, track, options);
    open.set(track, (open.get(track) ?? 0) + 1);
    void consumer.closed.then(() => open.set(track, (open.get(track) ?? 1) - 1));
    return consumer;
  };
  return open;
}

/** Makes the consumers of a bus such that their frames, the backlog's too, come only when the test lets them. */
export function slowDown(bus: Bus): { arrive(frames?: number): void } {
  const { consume } = bus;
  const consumers: SlowConsumer[] = [];
  bus.consume = (broadcast, track, options) => {
    const consumer = new SlowConsumer(consume.call(bus, broadcast, track, options));
    consumers.push(consumer);
    return consumer;
  };
  return { arrive: (frames = Infinity) => consumers.forEach((consumer) => consumer.arrive(frames)) };
}

class SlowConsumer implements TrackConsumer {
  isBehind = true;
  readonly #inner: TrackConsumer;
  #here: Frame[] = [];
  #waiter: PromiseWithResolvers<Frame | undefined> | undefined;

  constructor(inner: TrackConsumer) {
    this.#inner = inner;
  }

  get losses(): TrackConsumer['losses'] {
    return this.#inner.losses;
  }

  get queued(): TrackConsumer['queued'] {
    return this.#inner.queued;
  }

  get closed(): Promise<void> {
    return this.#inner.closed;
  }

  arrive(frames: number): void {
    for (let left = frames; left > 0; left--) {
      const frame = this.#inner.tryNext();
      if (frame === undefined) {
        break;
      }
      this.#here.push(frame);
    }
    this.isBehind = this.#inner.queued.frames > 0;
    if (this.#waiter !== undefined && this.#here.length > 0) {
      this.#waiter.resolve(this.#here.shift());
      this.#waiter = undefined;
    }
  }

  tryNext(): Frame | undefined {
    return this.#here.shift();
  }

  next(): Promise<Frame | undefined> {
    const here = this.#here.shift();
    if (here !== undefined) {
      return Promise.resolve(here);
    }
    this.#waiter = Promise.withResolvers();
    void this.#inner.closed.then(() => this.#waiter?.resolve(undefined));
    return this.#waiter.promise;
  }

  close(): void {
    this.#inner.close();
  }

  [Symbol.asyncIterator](): AsyncIterator<Frame> {
    throw new Error('not read so');
  }
}
