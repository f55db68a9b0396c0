import type { Socket } from 'node:net';

import type { NatsConnection } from '@nats-io/transport-node';

import { millis, type Millis } from '../../../media/time.ts';

/** What a {@link ConnectionMonitor} tells. */
export type MonitorListener = {
  /** The connection is there; `again` where it was lost before. */
  readonly up: (again: boolean) => void;
  /** It is lost, or the server says nothing any more. */
  readonly down: (reason: string) => void;
  /** How long the server took to answer. */
  readonly roundTrip?: (time: Millis) => void;
};

const PROBE = millis(500);
/** A server that is silent for so long is taken for lost, though the connection stands. */
const SILENCE = millis(2000);
/** The client may wait for ever to hand its last bytes to a connection on which nothing moves; after this it is cut. */
const CUT_AFTER = millis(1500);

/**
 * Tells whether a connection does its work: by what the client says, and by asking the server each 500 ms. A server that holds the connection and is silent (it is
 * stopped, or the network swallows everything) is dialled anew.
 */
export class ConnectionMonitor {
  readonly #connection: NatsConnection;
  readonly #listener: MonitorListener;
  readonly #timer: NodeJS.Timeout;
  #isUp = true;
  #isProbing = false;
  #heardAt = performance.now();
  #received = 0;
  #tickedAt = performance.now();
  #isClosed = false;

  constructor(connection: NatsConnection, listener: MonitorListener) {
    this.#connection = connection;
    this.#listener = listener;
    void this.#follow();
    this.#timer = setInterval(() => this.#tick(), PROBE);
    this.#timer.unref();
    this.#probe();
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  /** Idempotent. The connection stays. */
  close(): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
  }

  async #follow(): Promise<void> {
    for await (const status of this.#connection.status()) {
      if (this.#isClosed) {
        return;
      }
      if (status.type === 'disconnect') {
        this.#down('the connection is lost');
      } else if (status.type === 'reconnect') {
        this.#heardAt = performance.now();
        this.#up();
      }
    }
  }

  #tick(): void {
    const now = performance.now();
    // Who was paused himself has not listened.
    if (now - this.#tickedAt > SILENCE / 2) {
      this.#heardAt = now;
    }
    this.#tickedAt = now;
    // Behind media that a slow line still brings, an answer comes late: whoever sends is not silent.
    const { inBytes } = this.#connection.stats();
    if (inBytes !== this.#received) {
      this.#received = inBytes;
      this.#heardAt = now;
    }
    if (this.#isUp && now - this.#heardAt > SILENCE) {
      this.#down('the server is silent');
      this.#dialAnew();
    }
    this.#probe();
  }

  #probe(): void {
    if (this.#isProbing || !this.#isUp || this.#connection.isClosed()) {
      return;
    }
    this.#isProbing = true;
    const askedAt = performance.now();
    this.#connection.flush().then(
      () => {
        this.#isProbing = false;
        this.#heardAt = performance.now();
        this.#listener.roundTrip?.(millis(this.#heardAt - askedAt));
      },
      () => {
        this.#isProbing = false;
      },
    );
  }

  #dialAnew(): void {
    this.#connection.reconnect().catch(() => undefined);
    const timer = setTimeout(() => {
      if (!this.#isUp && !this.#isClosed) {
        socketOf(this.#connection)?.destroy();
      }
    }, CUT_AFTER);
    timer.unref();
  }

  #up(): void {
    if (!this.#isUp && !this.#isClosed) {
      this.#isUp = true;
      this.#isProbing = false;
      this.#listener.up(true);
      this.#probe();
    }
  }

  #down(reason: string): void {
    if (this.#isUp && !this.#isClosed) {
      this.#isUp = false;
      this.#listener.down(reason);
    }
  }
}

/** The client has no word for cutting a connection without handing over what waits; without this it ends with the system's own patience, minutes later. */
function socketOf(connection: NatsConnection): Pick<Socket, 'destroy'> | undefined {
  type Inside = { readonly protocol?: { readonly connected?: boolean; readonly transport?: { readonly socket?: Pick<Socket, 'destroy'> } } };
  const { protocol } = connection as unknown as Inside;
  // Only the stale one: while the client dials, its transport is another.
  return protocol?.connected === true ? protocol.transport?.socket : undefined;
}
