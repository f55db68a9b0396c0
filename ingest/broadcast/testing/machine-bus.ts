import type { Bus, Lease, TrackProducer, Unsubscribe } from '#core/bus/bus.ts';
import type { SharedState } from '#core/bus/shared-state.ts';
import { NODE_SILENCE } from '#core/bus/node.ts';
import { MillraceError } from '#core/runtime/errors.ts';

type State = 'up' | 'paused' | 'cut' | 'dead';
type Held = { readonly inner: Lease; readonly lose: () => void };

const unreachable = (): MillraceError => new MillraceError('bus/unreachable', 'the bus is away');
const later = (work: () => void): void => void setTimeout(work, NODE_SILENCE);

/**
 * One machine's end of a bus that is really in process, so that a test can pause, cut off and kill it. What a paused machine says comes when it goes on, under
 * the fences that it had; its leases are free when it was not heard of for as long as the contract says.
 */
export class MachineBus implements Bus {
  readonly shared: SharedState;
  readonly #bus: Bus;
  readonly #held = new Set<Held>();
  readonly #served = new Set<{ unserve: Unsubscribe | undefined; readonly serve: () => Unsubscribe }>();
  #state: State = 'up';
  #waiting: (() => void)[] = [];
  /** Leases asked for with `tryLease`. */
  asked = 0;

  constructor(bus: Bus) {
    this.#bus = bus;
    const { shared } = bus;
    this.shared = {
      durable: true,
      get: (key) => this.#reach(() => shared.get(key)),
      put: (key, value, options) => this.#reach(() => shared.put(key, value, options)),
      delete: (key, options) => this.#reach(() => shared.delete(key, options)),
      watch: (prefix, listener) => shared.watch(prefix, listener),
    };
  }

  /** SIGSTOP, as others see it. */
  pause(): void {
    this.#state = 'paused';
    later(() => this.#expire('paused'));
  }

  /** SIGCONT: all that was said comes at once, and then the news. */
  resume(): void {
    this.#state = 'up';
    this.#waiting.splice(0).forEach((work) => work());
    this.#tellLost();
  }

  /** A test is over: nothing waits for ever. */
  end(): void {
    if (this.#state === 'paused') {
      this.resume();
    }
  }

  /** Its way to all others is cut. */
  cut(): void {
    this.#state = 'cut';
    this.#served.forEach((one) => one.unserve?.());
    later(() => this.#expire('cut'));
  }

  /** The way is there again. */
  mend(): void {
    this.#state = 'up';
    this.#served.forEach((one) => {
      one.unserve = one.serve();
    });
    this.#waiting.splice(0).forEach((work) => work());
    this.#tellLost();
  }

  /** SIGKILL. */
  kill(): void {
    this.#state = 'dead';
    this.#served.forEach((one) => one.unserve?.());
    later(() => this.#expire('dead'));
  }

  announce(info: Parameters<Bus['announce']>[0]): void {
    this.#say(() => this.#bus.announce(info));
  }

  onBroadcast: Bus['onBroadcast'] = (listener) => this.#bus.onBroadcast(listener);

  produce(...args: Parameters<Bus['produce']>): TrackProducer {
    const inner = this.#bus.produce(...args);
    return {
      write: (frame) => {
        if (this.#state === 'up') {
          return inner.write(frame);
        }
        if (this.#state === 'paused') {
          this.#waiting.push(() => {
            try {
              inner.write(frame);
            } catch {
              // Fenced, as it should be.
            }
          });
        }
        return true;
      },
      close: () => inner.close(),
    };
  }

  consume: Bus['consume'] = (...args) => this.#bus.consume(...args);
  onCatalog: Bus['onCatalog'] = (...args) => this.#bus.onCatalog(...args);
  putCatalog: Bus['putCatalog'] = (...args) => this.#say(() => this.#bus.putCatalog(...args));
  present: Bus['present'] = (info) => this.#bus.present(info);
  onNode: Bus['onNode'] = (listener) => this.#bus.onNode(listener);

  lease(resource: string): Promise<Lease> {
    return this.#reach(async () => this.#own(await this.#bus.lease(resource)));
  }

  tryLease(resource: string): Promise<Lease | undefined> {
    this.asked += 1;
    return this.#reach(async () => {
      const inner = await this.#bus.tryLease(resource);
      return inner && this.#own(inner);
    });
  }

  serve(subject: string, handler: (payload: unknown) => unknown): Unsubscribe {
    const serve = (): Unsubscribe => this.#bus.serve(subject, (payload) => (this.#state === 'paused' ? new Promise(() => undefined) : handler(payload)));
    const one = { unserve: serve(), serve };
    this.#served.add(one);
    return () => {
      one.unserve();
      this.#served.delete(one);
    };
  }

  request: Bus['request'] = (...args) => this.#reach(() => this.#bus.request(...args));

  close(): Promise<void> {
    return Promise.resolve();
  }

  async #reach<T>(work: () => Promise<T>): Promise<T> {
    if (this.#state === 'paused') {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    if (this.#state !== 'up') {
      throw unreachable();
    }
    return await work();
  }

  #say(work: () => void): void {
    if (this.#state === 'up') {
      work();
    } else if (this.#state !== 'dead') {
      this.#waiting.push(work);
    }
  }

  #own(inner: Lease): Lease {
    const { promise: lost, resolve: lose } = Promise.withResolvers<void>();
    const held: Held = { inner, lose };
    this.#held.add(held);
    void inner.lost.then(() => {
      if (this.#state === 'up') {
        this.#held.delete(held);
        lose();
      }
    });
    return { fence: inner.fence, lost, release: () => this.#say(() => inner.release()) };
  }

  #expire(state: State): void {
    if (this.#state === state) {
      this.#held.forEach(({ inner }) => inner.release());
    }
  }

  #tellLost(): void {
    for (const held of this.#held) {
      void Promise.race([held.inner.lost.then(() => true), Promise.resolve().then(() => Promise.resolve(false))]).then((isLost) => {
        if (isLost) {
          this.#held.delete(held);
          held.lose();
        }
      });
    }
  }
}
