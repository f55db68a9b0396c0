import { readEdgeList } from './edge-list.ts';
import { EdgeRoute } from './edge-route.ts';
import type { EdgeMove } from './edge-route.ts';
import { EdgeWatch } from './edge-watch.ts';
import type { Exchange, ExchangeOptions } from './edge-watch.ts';

/** Options of {@link Edges}. */
export type EdgesOptions = {
  /** Absolute URL of the root that the page came from. */
  readonly home: string;
  readonly stream: string;
  /** Where the viewer is, as the page or its address says. */
  readonly region?: string | undefined;
};

/** The list is asked for when the picture is there, beside the stream's facts, milliseconds. */
const firstAsk = 1_000;

/** After a move, so that thousands who lost one edge do not ask the next one at once, milliseconds. */
const askAfterMove = 2_000;

/** Where there is nothing to choose from, the list is asked for seldom, milliseconds. */
const aloneTtl = 120_000;

/** An edge asked to leave is left within so long, spread evenly, milliseconds. */
const moveWithin = 2_000;

/** The header by which an edge asks its viewers to go elsewhere: the base URL of another edge. */
const moveHeader = 'Millrace-Move';

/**
 * The edges that can serve this page. Every request for media and facts goes through here, to the edge in use; where there is but one, nothing
 * changes.
 */
export class Edges {
  readonly route: EdgeRoute;
  readonly #watch: EdgeWatch;
  readonly #listUrl: string;
  readonly #ends = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #moving: ReturnType<typeof setTimeout> | undefined;
  #due = 0;

  constructor({ home, stream, region }: EdgesOptions) {
    this.route = new EdgeRoute(home);
    this.#watch = new EdgeWatch(this.route, askHealth, (url, signal) => void fetch(url, { signal }).then((response) => response.body?.cancel()).catch(() => undefined));
    const query = new URLSearchParams({ stream, ...(region === undefined ? {} : { region }) });
    this.#listUrl = `${this.route.home}api/v1/edges?${query.toString()}`;
    this.route.onMove(() => this.#schedule(askAfterMove * Math.random()));
  }

  /** Begins to ask which edges there are. */
  start(): void {
    document.addEventListener('visibilitychange', () => performance.now() > this.#due && this.#schedule(0), { signal: this.#ends.signal });
    this.#schedule(firstAsk);
  }

  /** A URL below home, at the edge in use. */
  url(url: string): string {
    return this.route.url(url);
  }

  /** Calls back after each move; the function returned takes that back. */
  onMove(listener: (move: EdgeMove) => void): () => void {
    return this.route.onMove(listener);
  }

  /** A request to an edge begins that does not go through {@link fetch}. */
  open(base: string, options: ExchangeOptions): Exchange {
    return this.#watch.open(base, options);
  }

  /** Something is wrong with an edge: sees whether it lives. False where it does not, and another is in use. */
  suspect(base: string): Promise<boolean> {
    return this.#watch.suspect(base);
  }

  /** Goes to another edge, at a moment of chance, for the one in use is ending. `to`: what it named, if anything. */
  leave(from: string, to: string | null): void {
    if (to !== null && from === this.route.base && this.#moving === undefined && !this.#ends.signal.aborted) {
      this.#moving = setTimeout(() => {
        this.#moving = undefined;
        if (from === this.route.base) {
          this.route.moveTo(to, 'draining');
        }
      }, Math.random() * moveWithin);
    }
  }

  /**
   * Reads a URL below home from the edge in use, and from the next one where that cannot be reached or has died. Only for what may be asked twice.
   *
   * @throws TypeError, DOMException - no edge can be reached; given up
   */
  async fetch(url: string, init: RequestInit = {}): Promise<Response> {
    const tried = new Set<string>();
    for (;;) {
      const { base } = this.route;
      tried.add(base);
      const attempt = new AbortController();
      const exchange = this.open(base, { lost: () => attempt.abort() });
      try {
        const signal = init.signal === undefined || init.signal === null ? attempt.signal : AbortSignal.any([init.signal, attempt.signal]);
        const response = await fetch(this.route.at(base, url), { ...init, signal });
        this.leave(base, response.headers.get(moveHeader));
        return response;
      } catch (error) {
        // Something in the page may refuse single URLs (a blocker): that is no reason to move the picture.
        const lives = init.signal?.aborted === true || (await this.#watch.suspect(base));
        if (lives || tried.has(this.route.base)) {
          throw error;
        }
      } finally {
        exchange.close();
      }
    }
  }

  /** Reads the header by which an edge asks its viewers to leave, out of an answer's header block. */
  heed(base: string, headers: string): void {
    const to = new RegExp(`^${moveHeader}: *(\\S+)`, 'im').exec(headers)?.[1];
    this.leave(base, to ?? null);
  }

  /** Ends it. Idempotent. */
  close(): void {
    this.#ends.abort();
    clearTimeout(this.#timer);
    clearTimeout(this.#moving);
    this.#watch.close();
  }

  #schedule(wait: number): void {
    clearTimeout(this.#timer);
    if (!this.#ends.signal.aborted) {
      this.#due = performance.now() + wait;
      this.#timer = setTimeout(() => void this.#ask(), wait);
    }
  }

  async #ask(): Promise<void> {
    if (document.visibilityState !== 'visible' && this.route.others.length > 0) {
      // Whoever returns to the page asks again.
      return;
    }
    let ttl = aloneTtl;
    try {
      const response = await this.fetch(this.#listUrl, { signal: AbortSignal.any([this.#ends.signal, AbortSignal.timeout(5_000)]) });
      const list = readEdgeList(response.ok ? await response.json() : undefined);
      if (list.urls.length > 0) {
        this.route.learn(list.urls);
      }
      ttl = this.route.others.length > 0 ? list.ttl : aloneTtl;
    } catch {
      ttl = askAfterMove;
    }
    this.#schedule(ttl * (0.9 + Math.random() * 0.2));
  }
}

/** Any answer will do, and its body is nobody's business: so no permission of another origin's is needed. */
async function askHealth(base: string, signal: AbortSignal): Promise<void> {
  await fetch(`${base}healthz`, { mode: 'no-cors', cache: 'no-store', signal });
}
