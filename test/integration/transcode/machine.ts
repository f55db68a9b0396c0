import type { Bus, ConsumeOptions, Lease, TrackConsumer, TrackProducer, Unsubscribe } from '#core/bus/bus.ts';
import type { BroadcastInfo, CatalogSections } from '#core/bus/catalog.ts';
import { NODE_SILENCE, type NodeId, type NodeInfo } from '#core/bus/node.ts';
import type { SharedState } from '#core/bus/shared-state.ts';
import type { BroadcastId, Frame } from '#core/media/frame.ts';
import type { Millis } from '#core/media/time.ts';
import type { TrackName } from '#core/media/track.ts';
import { MillraceError } from '#core/runtime/errors.ts';

/**
 * Several machines on one bus in process. A machine can be cut off: then nothing reaches it and nothing that it writes arrives, and after two seconds what
 * it held is free and the others hear that it is gone.
 */
export class Machines {
  readonly bus: Bus;
  readonly #machines = new Map<NodeId, Machine>();
  readonly #listeners = new Set<(node: NodeId, info: NodeInfo | undefined) => void>();
  readonly #holders = new Map<string, Machine>();

  constructor(bus: Bus) {
    this.bus = bus;
  }

  add(node: NodeId): Machine {
    const machine = new Machine(node, this);
    this.#machines.set(node, machine);
    return machine;
  }

  /** Everybody but the machine hears of it. */
  tell(node: NodeId, info: NodeInfo | undefined): void {
    this.#listeners.forEach((listener) => listener(node, info));
  }

  listen(listener: (node: NodeId, info: NodeInfo | undefined) => void): Unsubscribe {
    this.#listeners.add(listener);
    this.#machines.forEach(({ node, info }) => info !== undefined && listener(node, info));
    return () => this.#listeners.delete(listener);
  }

  async tryLease(resource: string, machine: Machine): Promise<Lease | undefined> {
    if (this.#holders.get(resource)?.isGone === false) {
      return undefined;
    }
    this.#holders.set(resource, machine);
    return this.bus.lease(resource);
  }

  free(resource: string, machine: Machine): void {
    if (this.#holders.get(resource) === machine) {
      this.#holders.delete(resource);
    }
  }
}

/** One machine's view of the bus. */
export class Machine implements Bus {
  readonly node: NodeId;
  info: NodeInfo | undefined;
  readonly #machines: Machines;
  #isCut = false;
  #isDeaf = false;
  #gone = false;
  #goneTimer: NodeJS.Timeout | undefined;
  /** What would have reached it while it was cut off. */
  #missed: (() => void)[] = [];
  #back = Promise.withResolvers<void>();

  constructor(node: NodeId, machines: Machines) {
    this.node = node;
    this.#machines = machines;
  }

  /** True once the others take it for gone. */
  get isGone(): boolean {
    return this.#gone;
  }

  /** Nothing reaches it, and nothing that it writes arrives. */
  cut(): void {
    this.#isCut = true;
    this.#goneTimer = setTimeout(() => {
      this.#gone = true;
      this.#machines.tell(this.node, undefined);
    }, NODE_SILENCE);
  }

  /** Frames go on, as in one process with their source, but leases, catalogs and shared values cannot be reached. */
  loseControl(): void {
    this.#isDeaf = true;
  }

  regainControl(): void {
    this.#isDeaf = false;
    this.#missed.splice(0).forEach((tell) => tell());
  }

  /** It is there again, and learns what it missed. */
  rejoin(): void {
    clearTimeout(this.#goneTimer);
    this.#isCut = false;
    this.#gone = false;
    this.#missed.splice(0).forEach((tell) => tell());
    this.#back.resolve();
    this.#back = Promise.withResolvers();
  }

  announce(info: BroadcastInfo): void {
    if (!this.#isCut) {
      this.#machines.bus.announce(info);
    }
  }

  onBroadcast(listener: (info: BroadcastInfo) => void): Unsubscribe {
    return this.#machines.bus.onBroadcast((info) => this.#deliver(() => listener(info)));
  }

  produce(broadcast: BroadcastId, track: TrackName, options: { readonly fence: number }): TrackProducer {
    const producer = this.#machines.bus.produce(broadcast, track, options);
    return { write: (frame) => this.#isCut || producer.write(frame), close: () => producer.close() };
  }

  consume(broadcast: BroadcastId, track: TrackName, options?: ConsumeOptions): TrackConsumer {
    return this.#gated(this.#machines.bus.consume(broadcast, track, options));
  }

  putCatalog<S extends keyof CatalogSections>(broadcast: BroadcastId, section: S, value: CatalogSections[S]): void {
    if (!this.#isCut && !this.#isDeaf) {
      this.#machines.bus.putCatalog(broadcast, section, value);
    }
  }

  onCatalog<S extends keyof CatalogSections>(broadcast: BroadcastId, section: S, listener: (value: CatalogSections[S]) => void): Unsubscribe {
    return this.#machines.bus.onCatalog(broadcast, section, (value) => this.#deliver(() => listener(value)));
  }

  lease(resource: string): Promise<Lease> {
    return this.#machines.bus.lease(resource);
  }

  async tryLease(resource: string): Promise<Lease | undefined> {
    this.#mustReach();
    const lease = await this.#machines.tryLease(resource, this);
    const lost = Promise.withResolvers<void>();
    void lease?.lost.then(() => this.#deliver(() => lost.resolve()));
    return (
      lease && {
        fence: lease.fence,
        lost: lost.promise,
        release: () => {
          // What a machine gives back while it is cut off nobody hears.
          if (!this.#isCut) {
            this.#machines.free(resource, this);
          }
          lease.release();
        },
      }
    );
  }

  serve(subject: string, handler: (payload: unknown) => unknown): Unsubscribe {
    return this.#machines.bus.serve(subject, handler);
  }

  request(subject: string, payload: unknown, options?: { readonly timeout?: Millis }): Promise<unknown> {
    return this.#machines.bus.request(subject, payload, options);
  }

  get shared(): SharedState {
    const { shared } = this.#machines.bus;
    return {
      durable: true,
      get: async (key) => {
        this.#mustReach();
        return shared.get(key);
      },
      put: async (key, value, options) => {
        this.#mustReach();
        return shared.put(key, value, options);
      },
      delete: async (key, options) => {
        this.#mustReach();
        return shared.delete(key, options);
      },
      watch: (prefix, listener) => shared.watch(prefix, (key, value) => this.#deliver(() => listener(key, value))),
    };
  }

  present(info: NodeInfo): void {
    this.info = info;
    if (!this.#isCut) {
      this.#machines.tell(this.node, info);
    }
  }

  onNode(listener: (node: NodeId, info: NodeInfo | undefined) => void): Unsubscribe {
    return this.#machines.listen((node, info) => this.#deliver(() => listener(node, info)));
  }

  close(): Promise<void> {
    clearTimeout(this.#goneTimer);
    return Promise.resolve();
  }

  #deliver(tell: () => void): void {
    if (this.#isCut || this.#isDeaf) {
      this.#missed.push(tell);
    } else {
      tell();
    }
  }

  #mustReach(): void {
    if (this.#isCut || this.#isDeaf) {
      throw new MillraceError('bus/unreachable', 'this machine is cut off');
    }
  }

  #gated(inner: TrackConsumer): TrackConsumer {
    const next = async (): Promise<Frame | undefined> => {
      const frame = await inner.next();
      while (this.#isCut) {
        await this.#back.promise;
      }
      return frame;
    };
    return {
      next,
      tryNext: () => (this.#isCut ? undefined : inner.tryNext()),
      get losses() {
        return inner.losses;
      },
      get queued() {
        return inner.queued;
      },
      close: () => inner.close(),
      closed: inner.closed,
      async *[Symbol.asyncIterator]() {
        for (let frame = await next(); frame !== undefined; frame = await next()) {
          yield frame;
        }
      },
    };
  }
}
