import type { NatsConnection } from '@nats-io/transport-node';

import { messageOf } from '../../../runtime/errors.ts';
import type { Logger } from '../../../runtime/log.ts';
import type { MediaCounters } from './counters.ts';

/** Bytes that may be on their way to the server unconfirmed: 80 ms of 400 Mbit/s. Beyond it frames wait in their tracks' bounded queues. */
export const WINDOW_BYTES = 4 * 1024 * 1024;
/** A backlog goes only while the live frames leave room. */
const BACKLOG_WINDOW_BYTES = WINDOW_BYTES / 4;
/** The server is asked to confirm once in so many bytes. */
const PING_BYTES = 256 * 1024;
/** What nats-server allows where nothing is configured. */
const DEFAULT_MAX_PAYLOAD = 1024 * 1024;

/** Somebody who has messages to send. */
export interface Source {
  readonly subject: string;
  /** Where answers go to; only on the message that wants some. */
  readonly reply?: string | undefined;
  /** The next message, or undefined where there is none now. */
  next(): Uint8Array | undefined;
}

/** Frames of now go before a backlog. */
export type Urgency = 'live' | 'backlog';

/**
 * The only way of frames into the NATS client. The client writes into the socket without limit and throws away what is in its buffer when it
 * reconnects, so nothing is given to it while the connection is down, and no more than {@link WINDOW_BYTES} that the server has not confirmed by a PONG.
 */
export class Outlet {
  readonly #connection: NatsConnection;
  readonly #log: Logger;
  readonly #counters: MediaCounters;
  readonly #sources: Record<Urgency, Set<Source>> = { live: new Set(), backlog: new Set() };
  #isConnected = true;
  #isPumping = false;
  #sent = 0;
  #confirmed = 0;
  #pinged = 0;
  #maxPayload = DEFAULT_MAX_PAYLOAD;

  constructor({ connection, log, counters }: { readonly connection: NatsConnection; readonly log: Logger; readonly counters: MediaCounters }) {
    this.#connection = connection;
    this.#log = log;
    this.#counters = counters;
  }

  get isConnected(): boolean {
    return this.#isConnected && !this.#connection.isClosed();
  }

  /** The largest message that the server takes. */
  get maxPayload(): number {
    this.#maxPayload = this.#connection.info?.max_payload ?? this.#maxPayload;
    return this.#maxPayload;
  }

  get unconfirmed(): number {
    return this.#sent - this.#confirmed;
  }

  /** Sends a small message of the protocol at once. False where the connection is down. */
  send(subject: string, payload: Uint8Array | string, reply?: string): boolean {
    if (!this.isConnected) {
      return false;
    }
    try {
      this.#connection.publish(subject, payload, reply === undefined ? undefined : { reply });
      return true;
    } catch (error) {
      this.#log.warn({ subject, error: messageOf(error) }, 'NATS took no message');
      return false;
    }
  }

  /** A source has something to send: in this turn where there is room. */
  ready(source: Source, urgency: Urgency): void {
    this.#sources[urgency].add(source);
    this.#pump();
  }

  withdraw(source: Source): void {
    this.#sources.live.delete(source);
    this.#sources.backlog.delete(source);
  }

  disconnected(): void {
    this.#isConnected = false;
    this.#sources.live.clear();
    this.#sources.backlog.clear();
  }

  reconnected(): void {
    this.#isConnected = true;
    this.#confirmed = this.#sent;
    this.#pinged = this.#sent;
    this.#pump();
  }

  #pump(): void {
    // A source that is asked for its next message may tell of another.
    if (this.#isPumping) {
      return;
    }
    this.#isPumping = true;
    try {
      while (this.#sendOne('live', WINDOW_BYTES) || this.#sendOne('backlog', BACKLOG_WINDOW_BYTES)) {
        this.#ping();
      }
    } finally {
      this.#isPumping = false;
    }
  }

  #sendOne(urgency: Urgency, window: number): boolean {
    const sources = this.#sources[urgency];
    for (const source of sources) {
      if (!this.isConnected || this.unconfirmed >= window) {
        return false;
      }
      const { reply } = source;
      const message = source.next();
      sources.delete(source);
      if (message === undefined) {
        continue;
      }
      // To the end of the line: each in its turn.
      sources.add(source);
      if (this.send(source.subject, message, reply)) {
        this.#sent += message.byteLength;
        this.#counters.out.bytes += message.byteLength;
      }
      return true;
    }
    return false;
  }

  #ping(): void {
    if (this.#sent - this.#pinged < PING_BYTES) {
      return;
    }
    const at = this.#sent;
    this.#pinged = at;
    void this.#connection.flush().then(
      () => {
        this.#confirmed = Math.max(this.#confirmed, at);
        this.#pump();
      },
      // The connection is lost: whoever owns it tells.
      () => undefined,
    );
  }
}
