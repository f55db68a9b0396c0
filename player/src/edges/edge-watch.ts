import type { EdgeRoute } from './edge-route.ts';

/** A request under way. */
export type Exchange = {
  /** Something has come. */
  heard(): void;
  /** It is over. Idempotent. */
  close(): void;
};

/** Options of {@link EdgeWatch.open}. */
export type ExchangeOptions = {
  /** The edge is dead: ask another one. The exchange is closed. */
  readonly lost: () => void;
  /** Bytes that have come so far, where nobody tells of each. */
  readonly received?: () => number;
  /** A small answer below home that may be asked for twice: asked of the next edge when this one is in doubt, so that the stream is there when it is needed. */
  readonly url?: string;
};

type OpenExchange = ExchangeOptions & { readonly base: string; readonly since: number; bytes: number };

/** Asks an edge whether it lives; resolves when it has answered, whatever it says. */
export type Probe = (base: string, signal: AbortSignal) => Promise<unknown>;

/** Asks an edge for something, and makes nothing of the answer. */
export type Warm = (url: string, signal: AbortSignal) => void;

/** Between two looks, milliseconds. */
const lookInterval = 100;

/**
 * A playing viewer hears of an edge with each part, five times a second. Nothing for this long is worth a question; an edge that answers it, because
 * the publisher is who is silent, is asked less often. Milliseconds.
 */
const silence = 600;
const longestSilence = 2_400;

/** An edge has this long to answer, where another one has answered by then; on slow lines, half as long again as the other took. Milliseconds. */
const grace = 300;

/** An edge that lives answers within so long; after it, the next one is told what will be asked of it. Milliseconds. */
const warmAfter = 100;

/** Nobody answers for this long: it is our own line, and nothing would be gained elsewhere. Milliseconds. */
const probeTimeout = 2_500;

/** How many others are asked beside the one in doubt. */
const othersAsked = 2;

/**
 * Sees whether edges live: by what requests bring, and by asking where they bring nothing. A dead edge's requests are told so, for a paused process
 * accepts connections and never answers.
 */
export class EdgeWatch {
  readonly #route: EdgeRoute;
  readonly #probe: Probe;
  readonly #warm: Warm;
  readonly #exchanges = new Set<OpenExchange>();
  readonly #heardAt = new Map<string, number>();
  readonly #unlisten: () => void;
  #patience = silence;
  #timer: ReturnType<typeof setInterval> | undefined;
  #inquiry: { readonly base: string; readonly answer: Promise<boolean>; readonly ends: AbortController } | undefined;
  #closed = false;

  /** `probe`: asks whether an edge lives; `warm`: lets the next one fetch the stream. */
  constructor(route: EdgeRoute, probe: Probe, warm: Warm) {
    this.#route = route;
    this.#warm = warm;
    this.#probe = probe;
    this.#unlisten = route.onMove(({ from, because }) => because === 'lost' && this.#lose(from));
  }

  /** A request to an edge begins. */
  open(base: string, options: ExchangeOptions): Exchange {
    const exchange: OpenExchange = { ...options, base, since: performance.now(), bytes: 0 };
    this.#exchanges.add(exchange);
    this.#timer ??= setInterval(() => this.#look(), lookInterval);
    return {
      heard: () => this.#exchanges.has(exchange) && this.#hear(base),
      close: () => this.#close(exchange),
    };
  }

  /**
   * Asks whether an edge lives, and others beside it; goes to the first of those where it does not. One inquiry at a time.
   *
   * @returns false where it is dead and another is in use
   */
  suspect(base: string): Promise<boolean> {
    if (this.#closed || base !== this.#route.base || this.#route.others.length === 0) {
      return Promise.resolve(base === this.#route.base);
    }
    if (this.#inquiry?.base !== base) {
      const ends = new AbortController();
      const inquiry = { base, ends, answer: this.#inquire(base, ends) };
      this.#inquiry = inquiry;
      void inquiry.answer.finally(() => {
        if (this.#inquiry === inquiry) {
          this.#inquiry = undefined;
        }
      });
    }
    return this.#inquiry.answer;
  }

  /** Ends it. Idempotent. */
  close(): void {
    this.#closed = true;
    clearInterval(this.#timer);
    this.#unlisten();
    this.#inquiry?.ends.abort();
    this.#exchanges.clear();
  }

  #hear(base: string): void {
    this.#heardAt.set(base, performance.now());
    this.#patience = silence;
    this.#route.works(base);
  }

  #close(exchange: OpenExchange): void {
    this.#exchanges.delete(exchange);
    if (this.#exchanges.size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
  }

  #look(): void {
    const { base, others } = this.#route;
    const waiting = [...this.#exchanges].filter((exchange) => exchange.base === base);
    for (const exchange of waiting) {
      const bytes = exchange.received?.() ?? 0;
      if (bytes > exchange.bytes) {
        this.#hear(base);
      }
      exchange.bytes = bytes;
    }
    if (waiting.length === 0 || others.length === 0) {
      return;
    }
    const since = Math.max(this.#heardAt.get(base) ?? 0, Math.min(...waiting.map((exchange) => exchange.since)));
    if (performance.now() - since > this.#patience) {
      void this.suspect(base);
    }
  }

  async #inquire(base: string, ends: AbortController): Promise<boolean> {
    const asked = [base, ...this.#route.others.slice(0, othersAsked)];
    const begun = performance.now();
    const timeout = setTimeout(() => ends.abort(), probeTimeout);
    const warming = setTimeout(() => this.#warmUp(base, asked[1], ends.signal), warmAfter);
    try {
      const alive = await this.#first(base, asked, begun, ends.signal);
      if (this.#closed) {
        return true;
      }
      if (alive === base) {
        this.#heardAt.set(base, performance.now());
        this.#patience = Math.min(this.#patience * 2, longestSilence);
        return true;
      }
      if (alive !== undefined && base === this.#route.base) {
        // Bytes that came meanwhile say more than an answer that did not.
        const heard = (this.#heardAt.get(base) ?? 0) > begun;
        return heard || !this.#route.failed(base, alive);
      }
      return base === this.#route.base;
    } finally {
      clearTimeout(timeout);
      clearTimeout(warming);
      ends.abort();
    }
  }

  /** Which of them lives: the one in doubt, or the first other one that has waited for it; undefined where nobody answers. */
  #first(base: string, asked: readonly string[], begun: number, signal: AbortSignal): Promise<string | undefined> {
    return new Promise((resolve) => {
      let other: string | undefined;
      let isDead = false;
      let open = asked.length;
      const settle = (): void => {
        if (isDead && (other !== undefined || open === 0)) {
          resolve(other);
        }
      };
      const answered = (each: string): void => {
        if (each === base) {
          resolve(base);
          return;
        }
        if (other === undefined) {
          other = each;
          const took = performance.now() - begun;
          setTimeout(() => resolve(each), Math.max(grace, took * 1.5) - took);
        }
        settle();
      };
      for (const each of asked) {
        this.#probe(each, signal).then(
          () => {
            open -= 1;
            answered(each);
          },
          () => {
            open -= 1;
            isDead ||= each === base;
            settle();
          },
        );
      }
    });
  }

  #warmUp(base: string, next: string | undefined, signal: AbortSignal): void {
    const waiting = [...this.#exchanges].filter((exchange) => exchange.base === base).flatMap(({ url }) => url ?? []);
    if (next !== undefined && !signal.aborted) {
      new Set(waiting).forEach((url) => this.#warm(this.#route.at(next, url), signal));
    }
  }

  #lose(base: string): void {
    for (const exchange of [...this.#exchanges].filter((each) => each.base === base)) {
      this.#close(exchange);
      exchange.lost();
    }
  }
}
