import type { MessagePort } from 'node:worker_threads';

import type { BroadcastId } from '../../media/frame.ts';
import type { Millis } from '../../media/time.ts';
import type { TrackName } from '../../media/track.ts';
import { MillraceError } from '../../runtime/errors.ts';
import type { Bus, ConsumeOptions, Lease, TrackConsumer, TrackProducer, Unsubscribe } from '../bus.ts';
import type { BroadcastInfo, CatalogSections } from '../catalog.ts';
import type { NodeId, NodeInfo } from '../node.ts';
import type { SharedState } from '../shared-state.ts';
import type { BusReport, BusRequest, CatalogEntry, Outcome } from './messages.ts';
import { answerOf, outcomeOf } from './outcome.ts';
import { RemoteConsumer } from './remote-consumer.ts';
import { RemoteProducer, type RemoteTrack } from './remote-producer.ts';
import { RemoteShared } from './remote-shared.ts';
import { ownBytes } from './shared-bytes.ts';

/** The bus of another thread. */
export interface WorkerBus extends Bus {
  /** Settles when everything that was asked for before has been answered once: broadcasts and catalogs that are known have been told. */
  settled(): Promise<void>;
  /** Settles when the other thread has gone, or after `close()`. */
  readonly closed: Promise<void>;
}

/** Who gets what is told about one id. */
type Receiver = (report: BusReport) => void;

/**
 * The bus of the thread that serves it by `serveBus` on the other end of the port.
 *
 * @param options.durable whether that bus's shared values are; default: they are not.
 */
export function connectBus(port: MessagePort, { durable = false }: { readonly durable?: boolean } = {}): WorkerBus {
  return new PortBus(port, durable);
}

class PortBus implements WorkerBus {
  readonly closed: Promise<void>;
  readonly shared: SharedState;
  readonly #port: MessagePort;
  readonly #receivers = new Map<number, Receiver>();
  /** What ends when the bus does. */
  readonly #open = new Map<number, () => void>();
  readonly #tracks = new Map<string, RemoteTrack>();
  readonly #end = Promise.withResolvers<void>();
  #nextId = 1;
  #isClosed = false;

  constructor(port: MessagePort, durable: boolean) {
    this.#port = port;
    this.shared = new RemoteShared({ call: (request) => this.#call(request), watch: (request, receive) => this.#watch(request, receive) }, durable);
    this.closed = this.#end.promise;
    port.on('message', (report: BusReport) => this.#receivers.get(report.id)?.(report));
    port.on('close', () => void this.close());
  }

  announce(info: BroadcastInfo): void {
    this.#ask({ do: 'announce', info });
  }

  onBroadcast(listener: (info: BroadcastInfo) => void): Unsubscribe {
    return this.#watch((id) => ({ do: 'watch-broadcasts', id }), (report) => {
      if (report.tell === 'broadcast') {
        listener(report.info);
      }
    });
  }

  onCatalog<S extends keyof CatalogSections>(broadcast: BroadcastId, section: S, listener: (value: CatalogSections[S]) => void): Unsubscribe {
    return this.#watch((id) => ({ do: 'watch-catalog', id, broadcast, section }), (report) => {
      if (report.tell === 'catalog') {
        listener(report.entry.value as CatalogSections[S]);
      }
    });
  }

  putCatalog<S extends keyof CatalogSections>(broadcast: BroadcastId, section: S, value: CatalogSections[S]): void {
    this.#ask({ do: 'put-catalog', broadcast, entry: ownBytes({ section, value } as unknown as CatalogEntry) });
  }

  produce(broadcast: BroadcastId, track: TrackName, { fence }: { readonly fence: number }): TrackProducer {
    const id = this.#id();
    this.#ask({ do: 'produce', id, broadcast, track, fence });
    const producer = new RemoteProducer(this.#track(broadcast, track), fence, {
      write: (frame) => this.#ask({ do: 'write', id, frame }),
      closed: () => this.#drop(id),
    });
    this.#receivers.set(id, (report) => producer.receive(report));
    this.#open.set(id, () => producer.close());
    return producer;
  }

  consume(broadcast: BroadcastId, track: TrackName, options: ConsumeOptions = {}): TrackConsumer {
    const id = this.#id();
    this.#ask({ do: 'consume', id, broadcast, track, options });
    const consumer = new RemoteConsumer(options, {
      grant: (frames, bytes) => this.#ask({ do: 'grant', id, frames, bytes }),
      closed: () => this.#drop(id),
    });
    this.#receivers.set(id, (report) => consumer.receive(report));
    this.#open.set(id, () => consumer.close());
    return consumer;
  }

  async lease(resource: string): Promise<Lease> {
    const lease = await this.#lease(resource, false);
    if (lease === undefined) {
      throw new MillraceError('bus/closed', 'the bus is closed');
    }
    return lease;
  }

  tryLease(resource: string): Promise<Lease | undefined> {
    return this.#lease(resource, true);
  }

  present(info: NodeInfo): void {
    this.#ask({ do: 'present', info });
  }

  onNode(listener: (node: NodeId, info: NodeInfo | undefined) => void): Unsubscribe {
    return this.#watch((id) => ({ do: 'watch-nodes', id }), (report) => {
      if (report.tell === 'node') {
        listener(report.node, report.info);
      }
    });
  }

  serve(subject: string, handler: (payload: unknown) => unknown): Unsubscribe {
    const id = this.#id();
    this.#receivers.set(id, (report) => {
      if (report.tell === 'asked') {
        void outcomeOf(() => handler(report.payload)).then((outcome) => this.#isClosed || this.#ask({ do: 'answer', id, call: report.call, outcome }));
      }
    });
    this.#ask({ do: 'serve', id, subject });
    return () => this.#drop(id);
  }

  request(subject: string, payload: unknown, { timeout }: { readonly timeout?: Millis } = {}): Promise<unknown> {
    return this.#call((id) => ({ do: 'request', id, subject, payload, timeout }));
  }

  settled(): Promise<void> {
    const id = this.#id();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#ask({ do: 'settle', id });
    const end = (): void => {
      this.#receivers.delete(id);
      this.#open.delete(id);
      resolve();
    };
    this.#open.set(id, end);
    this.#receivers.set(id, end);
    return promise;
  }

  close(): Promise<void> {
    if (!this.#isClosed) {
      this.#isClosed = true;
      [...this.#open.values()].forEach((end) => end());
      this.#open.clear();
      this.#receivers.clear();
      this.#port.close();
      this.#end.resolve();
    }
    return this.closed;
  }

  #lease(resource: string, ifFree: boolean): Promise<Lease | undefined> {
    const id = this.#id();
    const { promise: leased, resolve, reject } = Promise.withResolvers<Lease | undefined>();
    const { promise: lost, resolve: lose } = Promise.withResolvers<void>();
    const end = (): void => {
      this.#drop(id);
      lose();
      reject(new MillraceError('bus/closed', 'the bus is closed'));
    };
    this.#ask({ do: 'lease', id, resource, ifFree });
    this.#open.set(id, end);
    this.#receivers.set(id, (report) => {
      if (report.tell === 'leased') {
        resolve({ fence: report.fence, lost, release: end });
      } else if (report.tell === 'refused') {
        reject(new MillraceError(report.code, report.message));
        end();
      } else if (report.tell === 'lost') {
        // Before it was taken: somebody else holds it.
        resolve(undefined);
        end();
      }
    });
    return leased;
  }

  async #call(request: (id: number) => BusRequest): Promise<unknown> {
    const id = this.#id();
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    this.#ask(request(id));
    this.#open.set(id, () => resolve({ code: 'bus/closed', message: 'the bus is closed' }));
    this.#receivers.set(id, (report) => report.tell === 'answered' && resolve(report.outcome));
    try {
      return answerOf(await promise);
    } finally {
      this.#open.delete(id);
      this.#receivers.delete(id);
    }
  }

  #watch(request: (id: number) => BusRequest, receive: Receiver): Unsubscribe {
    const id = this.#id();
    this.#receivers.set(id, receive);
    this.#ask(request(id));
    return () => this.#drop(id);
  }

  #track(broadcast: BroadcastId, track: TrackName): RemoteTrack {
    const key = `${broadcast}/${track}`;
    let known = this.#tracks.get(key);
    if (known === undefined) {
      known = { users: 0, fence: 0, last: undefined, unused: () => this.#tracks.delete(key) };
      this.#tracks.set(key, known);
    }
    return known;
  }

  #id(): number {
    const id = this.#nextId;
    this.#nextId += 1;
    return id;
  }

  #drop(id: number): void {
    this.#open.delete(id);
    if (this.#receivers.delete(id) && !this.#isClosed) {
      this.#port.postMessage({ do: 'drop', id } satisfies BusRequest);
    }
  }

  #ask(request: BusRequest): void {
    if (this.#isClosed) {
      throw new MillraceError('bus/closed', 'the bus is closed');
    }
    this.#port.postMessage(request);
  }
}
