import { millis } from '#core/media/time.ts';
import type { Routes } from '../address/address.ts';
import { fetchStream, readMoveEvent, readStateEvent } from '../api/streams.ts';
import type { Edges } from '../edges/edges.ts';
import { BackOff } from './back-off.ts';

/** Options of {@link AirWatch}. */
export type AirWatchOptions = {
  readonly routes: Routes;
  readonly stream: string;
  readonly edges?: Edges | undefined;
  /** The stream is on air. Called once. */
  readonly onAir: () => void;
  /** The server has become reachable, or no longer is. */
  readonly reachable: (reachable: boolean) => void;
};

/** While events come, the API is still asked now and then, for proxies that swallow events. */
const withEvents = 20_000;
const firstPoll = millis(1_500);
const longestPoll = millis(8_000);

/**
 * Waits for a stream to go on air: by server-sent events, and by asking where there are none. Only for pages that play
 * nothing: over HTTP/1.1 the events hold one of the browser's six connections.
 */
export class AirWatch {
  readonly #options: AirWatchOptions;
  readonly #ends = new AbortController();
  readonly #backOff = new BackOff(firstPoll, longestPoll);
  #events: EventSource | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #hasEvents = false;

  constructor(options: AirWatchOptions) {
    this.#options = options;
  }

  /** Begins to wait. */
  start(): void {
    const unlisten = this.#options.edges?.onMove(() => this.#listen());
    this.#ends.signal.addEventListener('abort', () => unlisten?.());
    this.#listen();
    this.#schedule(firstPoll);
  }

  /** Looks at once: the network is back, or the page is seen again. */
  hurry(): void {
    this.#backOff.reset();
    if (this.#events?.readyState === EventSource.CLOSED) {
      this.#listen();
    }
    this.#schedule(0);
  }

  close(): void {
    this.#ends.abort();
    this.#events?.close();
    clearTimeout(this.#timer);
  }

  #listen(): void {
    const { routes, stream, edges } = this.#options;
    this.#events?.close();
    const url = routes.events(stream);
    const events = new EventSource(edges?.url(url) ?? url);
    this.#events = events;
    events.addEventListener('open', () => {
      this.#hasEvents = true;
      this.#options.reachable(true);
    });
    events.addEventListener('error', () => {
      this.#hasEvents = false;
      this.#schedule(firstPoll);
    });
    // The server is ending, and names another.
    events.addEventListener('move', (event: MessageEvent<string>) => {
      const to = readMoveEvent(event.data);
      if (edges !== undefined && to !== undefined && events === this.#events) {
        edges.leave(edges.route.base, to);
      }
    });
    events.addEventListener('state', (event: MessageEvent<string>) => {
      if (readStateEvent(event.data) === 'live') {
        this.#found();
      }
    });
  }

  #schedule(wait: number): void {
    clearTimeout(this.#timer);
    if (!this.#ends.signal.aborted) {
      this.#timer = setTimeout(() => void this.#look(), wait);
    }
  }

  async #look(): Promise<void> {
    const { routes, stream, edges, reachable } = this.#options;
    const { signal } = this.#ends;
    try {
      const facts = await fetchStream(routes, stream, signal, edges);
      if (signal.aborted) {
        return;
      }
      reachable(true);
      if (facts?.state === 'live') {
        this.#found();
        return;
      }
      if (this.#events?.readyState === EventSource.CLOSED && facts !== undefined) {
        this.#listen();
      }
    } catch {
      if (signal.aborted) {
        return;
      }
      reachable(false);
    }
    this.#schedule(this.#hasEvents ? withEvents : this.#backOff.next());
  }

  #found(): void {
    if (!this.#ends.signal.aborted) {
      this.close();
      this.#options.onAir();
    }
  }
}
