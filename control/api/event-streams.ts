import type { ServerResponse } from 'node:http';

import { addressGroup } from '#core/access/address-group.ts';
import type { StreamName } from '#core/bus/catalog.ts';
import type { Millis } from '#core/media/time.ts';

import type { StreamsView, StreamView } from '../streams-view.ts';
import { ApiError } from './api-error.ts';
import { describeState } from './describe.ts';
import type { Exchange } from './exchange.ts';

/** Options of {@link EventStreams}. */
export type EventStreamsOptions = {
  readonly view: StreamsView;
  readonly maxConnections: number;
  readonly maxConnectionsPerAddress: number;
  /** Between the comments that keep proxies from closing a quiet connection. */
  readonly heartbeat: Millis;
};

/** What a browser waits before it connects again. */
const RETRY_MILLIS = 3_000;
/** A listener who leaves so many bytes unread is gone, whatever its socket says; an event has less than 100. */
const MAX_UNREAD_BYTES = 64 * 1_024;

/** As much of an exchange as a listener is. */
type Caller = Pick<Exchange, 'response' | 'address'> & { readonly request: Pick<Exchange['request'], 'method'> };

type Listener = { readonly stream: StreamName; readonly source: string; readonly response: ServerResponse };

/** The server-sent events of every stream (HTML, 9.2): the state at once and at each change, until the caller leaves. */
export class EventStreams {
  readonly #options: EventStreamsOptions;
  readonly #listeners = new Set<Listener>();
  readonly #perSource = new Map<string, number>();
  readonly #timer: NodeJS.Timeout;
  readonly #unsubscribe: () => void;
  #elsewhere: (() => string | undefined) | undefined;
  #closed = false;

  constructor(options: EventStreamsOptions) {
    this.#options = options;
    this.#unsubscribe = options.view.onState((view) => this.#tell(view));
    // One timer for all: a thousand listeners cost no thousand timers.
    this.#timer = setInterval(() => this.#listeners.forEach((listener) => this.#write(listener, ': still here\n\n')), options.heartbeat).unref();
  }

  /** Listeners now. */
  get size(): number {
    return this.#listeners.size;
  }

  /**
   * Makes the caller a listener.
   *
   * @throws {ApiError} `too-many-connections`, `stopping`.
   */
  open(exchange: Caller, view: StreamView): void {
    const source = addressGroup(exchange.address);
    this.#admit(source);
    const { request, response } = exchange;
    response.statusCode = 200;
    response.setHeader('Content-Type', 'text/event-stream');
    response.setHeader('Cache-Control', 'no-store, no-transform');
    // nginx gathers answers before it passes them on, unless told.
    response.setHeader('X-Accel-Buffering', 'no');
    if (request.method === 'HEAD') {
      response.end();
      return;
    }
    const listener: Listener = { stream: view.stream, source, response };
    this.#listeners.add(listener);
    this.#perSource.set(source, (this.#perSource.get(source) ?? 0) + 1);
    response.once('close', () => this.#remove(listener));
    response.on('error', () => this.#remove(listener));
    this.#write(listener, `retry: ${RETRY_MILLIS}\n${stateEvent(view)}`);
    this.#sendAway(listener);
  }

  /**
   * From now on tells every listener to go elsewhere and ends its connection: the event `move`, with `{"url": <base URL>}` as data. Who finds no other place stays until
   * {@link EventStreams.close}.
   *
   * @param elsewhere - Base URL of another server; asked for each listener.
   */
  drain(elsewhere: () => string | undefined): void {
    this.#elsewhere = elsewhere;
    this.#listeners.forEach((listener) => this.#sendAway(listener));
  }

  /** Ends every connection; browsers come back by themselves. Idempotent. */
  close(): void {
    this.#closed = true;
    clearInterval(this.#timer);
    this.#unsubscribe();
    this.#listeners.forEach((listener) => this.#end(listener));
  }

  #sendAway(listener: Listener): void {
    const url = this.#elsewhere?.();
    if (url !== undefined) {
      this.#write(listener, `event: move\ndata: ${JSON.stringify({ url })}\n\n`);
      this.#end(listener);
    }
  }

  #end(listener: Listener): void {
    listener.response.end();
    this.#remove(listener);
  }

  #admit(source: string): void {
    const { maxConnections, maxConnectionsPerAddress } = this.#options;
    if (this.#closed) {
      throw new ApiError(503, 'stopping', 'The server is stopping.', { 'Retry-After': '5' });
    }
    if (this.#listeners.size >= maxConnections) {
      throw new ApiError(503, 'too-many-connections', 'The server has as many listeners for events as it takes.', { 'Retry-After': '30' });
    }
    if ((this.#perSource.get(source) ?? 0) >= maxConnectionsPerAddress) {
      throw new ApiError(429, 'too-many-connections', 'Your address has as many connections for events as one may have.', { 'Retry-After': '30' });
    }
  }

  #tell(view: StreamView): void {
    const event = stateEvent(view);
    this.#listeners.forEach((listener) => {
      if (listener.stream === view.stream) {
        this.#write(listener, event);
      }
    });
  }

  #write(listener: Listener, text: string): void {
    if (listener.response.writableLength > MAX_UNREAD_BYTES) {
      listener.response.destroy();
      this.#remove(listener);
      return;
    }
    listener.response.write(text);
  }

  #remove(listener: Listener): void {
    if (!this.#listeners.delete(listener)) {
      return;
    }
    const left = (this.#perSource.get(listener.source) ?? 1) - 1;
    if (left === 0) {
      this.#perSource.delete(listener.source);
    } else {
      this.#perSource.set(listener.source, left);
    }
  }
}

function stateEvent(view: StreamView): string {
  return `event: state\ndata: ${JSON.stringify(describeState(view))}\n\n`;
}
