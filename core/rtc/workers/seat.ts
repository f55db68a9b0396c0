import type { MessagePort } from 'node:worker_threads';

import type { WorkerSeat } from '../transport.ts';
import { noCounts } from './counts.ts';
import type { PortsMessage, WorkerMessage } from './messages.ts';
import { PacketPipe } from './packet-pipe.ts';
import type { WorkerCounts, WorkerSetup } from './seats.ts';

/** A thread that does not answer for so long stands still, or is gone. */
const LEAVE_MILLIS = 2000;

/** What a worker says. */
export type SeatEvents = {
  readonly adopted: (key: string) => void;
  readonly left: (key: string) => void;
  readonly verified: (key: string) => void;
  /** It has no descriptor of the socket, or the peer is on TCP. */
  readonly send: (key: string, bytes: Buffer) => void;
  readonly dropped: (packets: number) => void;
  readonly removed: () => void;
};

/** One worker, as the thread with the ports sees it. */
export class Seat implements WorkerSeat {
  readonly setup: WorkerSetup;
  readonly pipe: PacketPipe;
  /** The addresses of its sessions. */
  readonly keys = new Set<string>();
  readonly #port: MessagePort;
  readonly #events: SeatEvents;
  readonly #gone = Promise.withResolvers<void>();
  #counts = noCounts();
  #addresses: string;
  #isRemoved = false;

  constructor(port: MessagePort, setup: WorkerSetup, events: SeatEvents) {
    this.#port = port;
    this.setup = setup;
    this.#events = events;
    this.#addresses = setup.addresses.join();
    this.pipe = new PacketPipe(port, { packet: ({ key, bytes }) => events.send(key, bytes), dropped: events.dropped });
    port.on('message', (message: WorkerMessage) => this.#take(message));
    port.on('close', () => this.remove());
  }

  get counts(): WorkerCounts {
    return this.#counts;
  }

  /** The address has proven to be another thread's. */
  surrender(key: string): void {
    this.keys.delete(key);
    this.#post({ kind: 'surrender', key });
  }

  /** The TCP connection has ended. */
  gone(key: string): void {
    this.keys.delete(key);
    this.#post({ kind: 'gone', key });
  }

  /** Where the server can be reached. */
  tell(addresses: readonly string[]): void {
    const text = addresses.join();
    if (text !== this.#addresses) {
      this.#addresses = text;
      this.#post({ kind: 'addresses', addresses });
    }
  }

  /** Resolves when the worker sends on the socket no more, or does not answer. */
  async leave(): Promise<void> {
    this.#post({ kind: 'leave' });
    const patience = setTimeout(() => this.#gone.resolve(), LEAVE_MILLIS);
    await this.#gone.promise;
    clearTimeout(patience);
  }

  remove(): void {
    if (!this.#isRemoved) {
      this.#isRemoved = true;
      this.pipe.close();
      this.#port.close();
      this.#gone.resolve();
      this.#events.removed();
    }
  }

  #take(message: WorkerMessage): void {
    if (this.#isRemoved) {
      return;
    }
    switch (message.kind) {
      case 'packets':
      case 'taken':
        this.pipe.receive(message);
        break;
      case 'adopted':
        this.#events.adopted(message.key);
        break;
      case 'left':
        this.#events.left(message.key);
        break;
      case 'verified':
        this.#events.verified(message.key);
        break;
      case 'counts':
        this.#counts = message.counts;
        break;
      case 'gone':
        this.#gone.resolve();
        break;
    }
  }

  #post(message: PortsMessage): void {
    if (!this.#isRemoved) {
      this.#port.postMessage(message);
    }
  }
}
