import type { BroadcastId } from '../../media/frame.ts';
import { millis, systemClock, type Clock, type Millis } from '../../media/time.ts';
import type { TrackName } from '../../media/track.ts';
import { MillraceError } from '../../runtime/errors.ts';
import type { Bus, ConsumeOptions, Lease, TrackConsumer, TrackProducer, Unsubscribe } from '../bus.ts';
import type { BroadcastInfo, CatalogSections } from '../catalog.ts';
import type { NodeId, NodeInfo } from '../node.ts';
import { LocalBroadcast } from './broadcast.ts';
import { LocalLeases } from './leases.ts';
import { LocalNodes } from './nodes.ts';
import { LocalServices } from './services.ts';
import { LocalShared } from './shared.ts';

/** Options of {@link createLocalBus}. */
export type LocalBusOptions = {
  /** Makes the first fence, so that fences rise across restarts. Default: the system's clock. */
  readonly clock?: Clock;
  /** How long an ended broadcast stays known. Default 60 s. */
  readonly forgetAfter?: Millis;
};

/** A bus within one process: frames are handed over by reference, in the turn in which they are written. */
export function createLocalBus(options: LocalBusOptions = {}): Bus {
  return new LocalBus(options);
}

class LocalBus implements Bus {
  readonly shared = new LocalShared();
  readonly #broadcasts = new Map<BroadcastId, LocalBroadcast>();
  readonly #listeners = new Set<(info: BroadcastInfo) => void>();
  readonly #leases: LocalLeases;
  readonly #nodes = new LocalNodes();
  readonly #services = new LocalServices();
  readonly #forgetAfter: Millis;
  readonly #timers = new Set<NodeJS.Timeout>();
  #closed = false;

  constructor(options: LocalBusOptions) {
    this.#leases = new LocalLeases(options.clock ?? systemClock);
    this.#forgetAfter = options.forgetAfter ?? millis(60_000);
  }

  announce(info: BroadcastInfo): void {
    const broadcast = this.#open(info.broadcast);
    if ((info.fence ?? 0) < (broadcast.info?.fence ?? 0)) {
      return;
    }
    broadcast.info = info;
    [...this.#listeners].forEach((listener) => listener(info));
    if (info.state === 'ended') {
      broadcast.end();
      this.#forgetLater(info.broadcast);
    }
  }

  onBroadcast(listener: (info: BroadcastInfo) => void): Unsubscribe {
    this.#listeners.add(listener);
    for (const { info } of [...this.#broadcasts.values()]) {
      if (info !== undefined) {
        listener(info);
      }
    }
    return () => this.#listeners.delete(listener);
  }

  produce(broadcast: BroadcastId, track: TrackName, { fence }: { readonly fence: number }): TrackProducer {
    return this.#open(broadcast).track(track).open(fence);
  }

  consume(broadcast: BroadcastId, track: TrackName, options: ConsumeOptions = {}): TrackConsumer {
    const place = this.#open(broadcast);
    const consumer = place.track(track).consume(options);
    if (place.info?.state === 'ended') {
      consumer.end();
    }
    void consumer.closed.then(() => this.#forgetUnused(broadcast));
    return consumer;
  }

  putCatalog<S extends keyof CatalogSections>(broadcast: BroadcastId, section: S, value: CatalogSections[S]): void {
    this.#open(broadcast).catalog(section).put(value);
  }

  onCatalog<S extends keyof CatalogSections>(
    broadcast: BroadcastId,
    section: S,
    listener: (value: CatalogSections[S]) => void,
  ): Unsubscribe {
    const unsubscribe = this.#open(broadcast).catalog(section).subscribe(listener);
    return () => {
      unsubscribe();
      this.#forgetUnused(broadcast);
    };
  }

  lease(resource: string): Promise<Lease> {
    return Promise.resolve(this.#leases.take(resource));
  }

  tryLease(resource: string): Promise<Lease | undefined> {
    return Promise.resolve(this.#leases.isHeld(resource) ? undefined : this.#leases.take(resource));
  }

  present(info: NodeInfo): void {
    this.#nodes.present(info);
  }

  onNode(listener: (node: NodeId, info: NodeInfo | undefined) => void): Unsubscribe {
    return this.#nodes.subscribe(listener);
  }

  serve(subject: string, handler: (payload: unknown) => unknown): Unsubscribe {
    return this.#services.serve(subject, handler);
  }

  request(subject: string, payload: unknown, { timeout = millis(5000) }: { readonly timeout?: Millis } = {}): Promise<unknown> {
    return this.#services.request(subject, payload, timeout);
  }

  close(): Promise<void> {
    this.#closed = true;
    this.#services.close();
    this.#nodes.close();
    this.shared.close();
    this.#timers.forEach((timer) => clearTimeout(timer));
    this.#timers.clear();
    this.#listeners.clear();
    this.#broadcasts.forEach((broadcast) => broadcast.destroy());
    this.#broadcasts.clear();
    this.#leases.releaseAll();
    return Promise.resolve();
  }

  #open(id: BroadcastId): LocalBroadcast {
    if (this.#closed) {
      throw new MillraceError('bus/closed', 'the bus is closed');
    }
    let broadcast = this.#broadcasts.get(id);
    if (broadcast === undefined) {
      broadcast = new LocalBroadcast();
      this.#broadcasts.set(id, broadcast);
    }
    return broadcast;
  }

  /** Lets go of a broadcast that was only asked for and never came. */
  #forgetUnused(id: BroadcastId): void {
    if (this.#broadcasts.get(id)?.idle === true) {
      this.#broadcasts.delete(id);
    }
  }

  #forgetLater(id: BroadcastId): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      if (this.#broadcasts.get(id)?.info?.state === 'ended') {
        this.#broadcasts.get(id)?.destroy();
        this.#broadcasts.delete(id);
      }
    }, this.#forgetAfter);
    timer.unref();
    this.#timers.add(timer);
  }
}
