import { edgeBase } from './edge-base.ts';

/**
 * Why a viewer went to another edge. `lost`: the one before answers no more. `draining`: it asked its viewers to go. `sent`: it answered that
 * another shall serve.
 */
export type MoveReason = 'lost' | 'draining' | 'sent';

/** From one edge to another. */
export type EdgeMove = {
  /** By the route's clock, milliseconds. */
  readonly at: number;
  readonly from: string;
  readonly to: string;
  readonly because: MoveReason;
};

/** Options of {@link EdgeRoute}. */
export type EdgeRouteOptions = {
  /** A monotonic clock, milliseconds. Default `performance.now()`. */
  readonly now?: () => number;
  /** From 0 to 1. Default `Math.random`. */
  readonly random?: () => number;
};

/** An edge that failed is not gone to for this long, then for twice as long after each further failure, milliseconds. */
const firstRest = 2_000;
const longestRest = 60_000;

/** An edge that asked its viewers to leave is ending, milliseconds. */
const drainingRest = 120_000;

/** Moves remembered. */
const movesKept = 50;

/** Edges remembered that the list names no more: one that was away a moment ago may be the only one left. */
const formerKept = 8;

/**
 * Which edge serves this viewer, and which could. All of them have the same paths and the same bytes, so a URL of the page's own origin stands for
 * all: {@link url} puts it at the edge in use.
 */
export class EdgeRoute {
  /** Where the page came from: absolute, with a closing slash. */
  readonly home: string;
  readonly #now: () => number;
  readonly #random: () => number;
  readonly #rests = new Map<string, { readonly until: number; readonly failures: number }>();
  readonly #listeners = new Set<(move: EdgeMove) => void>();
  /** Edges that the list names, the best first, and one that an edge named when it left. */
  #listed: readonly string[] = [];
  /** Edges that earlier lists named, the newest first. */
  #former: readonly string[] = [];
  #named: string | undefined;
  #isMany = false;
  #base: string;
  #moves: EdgeMove[] = [];

  /**
   * Begins at home.
   *
   * @param home - absolute URL of the root that the page came from
   */
  constructor(home: string, options: EdgeRouteOptions = {}) {
    this.home = edgeBase(home, home) ?? home;
    this.#base = this.home;
    this.#now = options.now ?? (() => performance.now());
    this.#random = options.random ?? Math.random;
  }

  /** The edge in use. */
  get base(): string {
    return this.#base;
  }

  /** The last moves. */
  get moves(): readonly EdgeMove[] {
    return this.#moves;
  }

  /** The last move was no longer ago than this, milliseconds. */
  movedWithin(time: number): boolean {
    const last = this.#moves.at(-1);
    return last !== undefined && this.#now() - last.at < time;
  }

  /** Edges to go to from the one in use, the best first; those that the list names no more, and those that failed, come last. */
  get others(): readonly string[] {
    const named = this.#named === undefined ? [] : [this.#named];
    const all = [...new Set([...this.#listed, ...named, this.home, ...this.#former])].filter((base) => base !== this.#base);
    const rested = (base: string): number => {
      const until = this.#rests.get(base)?.until ?? 0;
      return until > this.#now() ? until : 0;
    };
    // A stable sort keeps the list's order.
    return all.sort((a, b) => rested(a) - rested(b));
  }

  /**
   * Takes the list of edges in, the best first. A list of one that is not known is left alone: it may be the page's own server by another name.
   */
  learn(edges: readonly unknown[]): void {
    const bases = [...new Set(edges.map((each) => edgeBase(each, this.home)).filter((base) => base !== undefined))];
    this.#isMany ||= bases.length > 1 || bases.includes(this.home);
    if (this.#isMany) {
      this.#former = [...new Set([...this.#listed, ...this.#former])].filter((base) => !bases.includes(base)).slice(0, formerKept);
      this.#listed = bases;
    }
  }

  /** An edge has answered: what was held against it is forgotten. */
  works(base: string): void {
    if (this.#rests.size > 0) {
      this.#rests.delete(base);
    }
  }

  /**
   * An edge does not answer. Goes to the next one where it was the one in use.
   *
   * @param better - one that is known to answer
   * @returns true where another edge is in use from now on
   */
  failed(base: string, better?: string): boolean {
    const failures = (this.#rests.get(base)?.failures ?? 0) + 1;
    const rest = Math.min(firstRest * 2 ** (failures - 1), longestRest) * (0.75 + this.#random() / 4);
    this.#rests.set(base, { until: this.#now() + rest, failures });
    if (base !== this.#base) {
      return true;
    }
    const next = better ?? this.others[0];
    return next !== undefined && this.moveTo(next, 'lost');
  }

  /** Goes to an edge. False where it is in use already, or cannot be used by this page. */
  moveTo(edge: string, because: MoveReason): boolean {
    const to = edgeBase(edge, this.home);
    const from = this.#base;
    if (to === undefined || to === from) {
      return false;
    }
    if (because === 'draining') {
      this.#rests.set(from, { until: this.#now() + drainingRest, failures: 1 });
    }
    if (!this.#listed.includes(to) && to !== this.home) {
      this.#named = to;
    }
    this.#base = to;
    const move = { at: this.#now(), from, to, because };
    this.#moves = [...this.#moves, move].slice(-movesKept);
    [...this.#listeners].forEach((listener) => listener(move));
    return true;
  }

  /** Calls back after each move; the function returned takes that back. */
  onMove(listener: (move: EdgeMove) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** A URL below home, put at the edge in use; any other as it is, absolute. */
  url(url: string): string {
    return this.at(this.#base, url);
  }

  /** A URL below home, put at an edge. */
  at(base: string, url: string): string {
    const absolute = new URL(url, this.home).href;
    return absolute.startsWith(this.home) ? base + absolute.slice(this.home.length) : absolute;
  }

  /** A URL at an edge, put below home again: what is relative to it stands for every edge. A URL elsewhere, where the edge sent us, stays. */
  homeOf(base: string, url: string): string {
    return url.startsWith(base) ? this.home + url.slice(base.length) : url;
  }
}
