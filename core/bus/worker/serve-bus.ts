import type { MessagePort } from 'node:worker_threads';

import { MillraceError, messageOf } from '../../runtime/errors.ts';
import type { Bus } from '../bus.ts';
import type { CatalogSections } from '../catalog.ts';
import type { BusReport, BusRequest, CatalogEntry, Outcome } from './messages.ts';
import { answerOf, outcomeOf } from './outcome.ts';
import { ServedConsumer } from './served-consumer.ts';
import { ownBytes } from './shared-bytes.ts';

/** Frames of a worker's producer that are acknowledged together. */
const ACKNOWLEDGED_FRAMES = 16;

/** What a worker has open here. */
type Served = { drop(): void; grant?(frames: number, bytes: number): void; write?(request: Extract<BusRequest, { do: 'write' }>): void; answer?(request: Extract<BusRequest, { do: 'answer' }>): void };

/** A worker's hold on the bus. */
export type BusService = {
  /** Lets go of all that the worker has open. Idempotent. */
  close(): void;
  /** Settles when the worker is gone, or after `close()`. */
  readonly closed: Promise<void>;
  /** What the worker has open. */
  readonly open: number;
};

/**
 * Serves this thread's bus to a worker, which uses it by `connectBus`. Only what the worker subscribed to is passed on. When the
 * other end of the port closes, as it does when its thread ends in any way, nothing of the worker's is left.
 */
export function serveBus(bus: Bus, port: MessagePort): BusService {
  return new Service(bus, port);
}

class Service implements BusService {
  readonly closed: Promise<void>;
  readonly #bus: Bus;
  readonly #port: MessagePort;
  readonly #served = new Map<number, Served>();
  readonly #end = Promise.withResolvers<void>();
  #isClosed = false;

  constructor(bus: Bus, port: MessagePort) {
    this.#bus = bus;
    this.#port = port;
    this.closed = this.#end.promise;
    port.on('message', (request: BusRequest) => this.#take(request));
    port.on('close', () => this.close());
  }

  get open(): number {
    return this.#served.size;
  }

  close(): void {
    if (this.#isClosed) {
      return;
    }
    this.#isClosed = true;
    const served = [...this.#served.values()];
    this.#served.clear();
    served.forEach((one) => one.drop());
    this.#port.close();
    this.#end.resolve();
  }

  #take(request: BusRequest): void {
    if (this.#isClosed) {
      return;
    }
    try {
      this.#do(request);
    } catch (error) {
      if (error instanceof MillraceError && error.code === 'bus/closed') {
        this.close();
      } else if ('id' in request) {
        this.#tell({ tell: 'refused', id: request.id, code: error instanceof MillraceError ? error.code : 'bus/failed', message: messageOf(error) });
      }
    }
  }

  #do(request: BusRequest): void {
    switch (request.do) {
      case 'announce':
        this.#bus.announce(request.info);
        break;
      case 'put-catalog':
        this.#putCatalog(request);
        break;
      case 'watch-broadcasts':
        this.#serve(request.id, { drop: this.#bus.onBroadcast((info) => this.#tell({ tell: 'broadcast', id: request.id, info })) });
        break;
      case 'watch-catalog':
        this.#watchCatalog(request);
        break;
      case 'consume':
        this.#consume(request);
        break;
      case 'grant':
        this.#served.get(request.id)?.grant?.(request.frames, request.bytes);
        break;
      case 'produce':
        this.#produce(request);
        break;
      case 'write':
        this.#served.get(request.id)?.write?.(request);
        break;
      case 'lease':
        void this.#lease(request);
        break;
      case 'serve':
        this.#answerBy(request);
        break;
      case 'answer':
        this.#served.get(request.id)?.answer?.(request);
        break;
      case 'request':
        this.#answer(request.id, () => this.#bus.request(request.subject, request.payload, request.timeout === undefined ? {} : { timeout: request.timeout }));
        break;
      case 'present':
        this.#bus.present(request.info);
        break;
      case 'watch-nodes':
        this.#serve(request.id, { drop: this.#bus.onNode((node, info) => this.#tell({ tell: 'node', id: request.id, node, info })) });
        break;
      case 'get-shared':
        this.#answer(request.id, () => this.#bus.shared.get(request.key));
        break;
      case 'put-shared':
        this.#answer(request.id, () => this.#bus.shared.put(request.key, request.value, fenceOf(request)));
        break;
      case 'delete-shared':
        this.#answer(request.id, () => this.#bus.shared.delete(request.key, fenceOf(request)));
        break;
      case 'watch-shared':
        this.#serve(request.id, { drop: this.#bus.shared.watch(request.prefix, (key, value) => this.#tell({ tell: 'shared', id: request.id, key, value })) });
        break;
      case 'drop':
        this.#drop(request.id);
        break;
      case 'settle':
        this.#tell({ tell: 'settled', id: request.id });
        break;
    }
  }

  #answer(id: number, run: () => unknown): void {
    void outcomeOf(run).then((outcome) => this.#tell({ tell: 'answered', id, outcome }));
  }

  #putCatalog({ broadcast, entry }: Extract<BusRequest, { do: 'put-catalog' }>): void {
    const put = <S extends keyof CatalogSections>(section: S, value: CatalogSections[S]): void => this.#bus.putCatalog(broadcast, section, value);
    put(entry.section, entry.value);
  }

  #watchCatalog({ id, broadcast, section }: Extract<BusRequest, { do: 'watch-catalog' }>): void {
    const drop = this.#bus.onCatalog(broadcast, section, (value) => {
      this.#tell({ tell: 'catalog', id, entry: ownBytes({ section, value } as CatalogEntry) });
    });
    this.#serve(id, { drop });
  }

  #consume({ id, broadcast, track, options }: Extract<BusRequest, { do: 'consume' }>): void {
    const consumer = new ServedConsumer(this.#bus.consume(broadcast, track, options), {
      frame: (frame, losses, isBehind) => this.#tell({ tell: 'frame', id, frame, losses, isBehind }),
      live: () => this.#tell({ tell: 'live', id }),
      ended: (losses) => {
        this.#served.delete(id);
        this.#tell({ tell: 'end', id, losses });
      },
    });
    this.#serve(id, consumer);
  }

  #produce({ id, broadcast, track, fence }: Extract<BusRequest, { do: 'produce' }>): void {
    const producer = this.#bus.produce(broadcast, track, { fence });
    let frames = 0;
    let bytes = 0;
    const acknowledge = (): void => {
      this.#tell({ tell: 'written', id, frames, bytes });
      frames = 0;
      bytes = 0;
    };
    this.#serve(id, {
      drop: () => producer.close(),
      write: ({ frame }) => {
        frames += 1;
        bytes += frame.data.byteLength;
        try {
          producer.write(frame);
        } catch (error) {
          if (!(error instanceof MillraceError) || error.code !== 'bus/fenced') {
            throw error;
          }
          this.#tell({ tell: 'fenced', id, details: error.details });
        }
        if (frames >= ACKNOWLEDGED_FRAMES) {
          acknowledge();
        }
      },
    });
  }

  async #lease({ id, resource, ifFree }: Extract<BusRequest, { do: 'lease' }>): Promise<void> {
    let isDropped = false;
    let release = (): void => {
      isDropped = true;
    };
    this.#serve(id, { drop: () => release() });
    try {
      const lease = await (ifFree ? this.#bus.tryLease(resource) : this.#bus.lease(resource));
      if (lease === undefined) {
        this.#served.delete(id);
        this.#tell({ tell: 'lost', id });
        return;
      }
      if (isDropped || this.#isClosed) {
        lease.release();
        return;
      }
      release = () => lease.release();
      this.#tell({ tell: 'leased', id, fence: lease.fence });
      await lease.lost;
      this.#served.delete(id);
      this.#tell({ tell: 'lost', id });
    } catch (error) {
      this.#served.delete(id);
      this.#tell({ tell: 'refused', id, code: error instanceof MillraceError ? error.code : 'bus/failed', message: messageOf(error) });
    }
  }

  /** What is asked under a subject goes to the worker; who still waits when the worker lets go of it is told so. */
  #answerBy({ id, subject }: Extract<BusRequest, { do: 'serve' }>): void {
    const calls = new Map<number, (outcome: Outcome) => void>();
    let next = 0;
    const stop = this.#bus.serve(subject, async (payload) => {
      const call = next++;
      const { promise, resolve } = Promise.withResolvers<Outcome>();
      calls.set(call, resolve);
      this.#tell({ tell: 'asked', id, call, payload });
      return answerOf(await promise.finally(() => calls.delete(call)));
    });
    this.#serve(id, {
      drop: () => {
        stop();
        calls.forEach((resolve) => resolve({ code: 'bus/unserved', message: `who answered "${subject}" is gone` }));
      },
      answer: ({ call, outcome }) => calls.get(call)?.(outcome),
    });
  }

  #serve(id: number, served: Served): void {
    this.#served.set(id, served);
  }

  #drop(id: number): void {
    const served = this.#served.get(id);
    this.#served.delete(id);
    served?.drop();
  }

  #tell(report: BusReport): void {
    if (!this.#isClosed) {
      this.#port.postMessage(report);
    }
  }
}

function fenceOf({ fence }: { readonly fence: number | undefined }): { readonly fence?: number } {
  return fence === undefined ? {} : { fence };
}
