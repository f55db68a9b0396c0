import type { Routes } from '../address/address.ts';
import { fetchStream } from '../api/streams.ts';
import type { Edges } from '../edges/edges.ts';
import type { AirState } from '../api/streams.ts';

/** What the server says of a stream, or that it says nothing. */
export type AirAnswer = AirState | 'unknown' | 'unreachable';

/** Between two questions, milliseconds. */
const rest = 1_500;

/** Asks the server what is the matter with a stream; not more often than is polite. */
export class AirInquiry {
  readonly #routes: Routes;
  readonly #stream: string;
  readonly #edges: Edges | undefined;
  readonly #ends = new AbortController();
  #asking = false;
  #restsUntil = 0;

  constructor(routes: Routes, stream: string, edges?: Edges) {
    this.#edges = edges;
    this.#routes = routes;
    this.#stream = stream;
  }

  /** The answer; undefined while another question is on its way, was answered just now, or this is closed. */
  async ask(): Promise<AirAnswer | undefined> {
    if (this.#asking || performance.now() < this.#restsUntil) {
      return undefined;
    }
    this.#asking = true;
    const answer = await this.#fetch();
    this.#asking = false;
    this.#restsUntil = performance.now() + rest;
    return this.#ends.signal.aborted ? undefined : answer;
  }

  close(): void {
    this.#ends.abort();
  }

  async #fetch(): Promise<AirAnswer> {
    try {
      return (await fetchStream(this.#routes, this.#stream, this.#ends.signal, this.#edges))?.state ?? 'unknown';
    } catch {
      return 'unreachable';
    }
  }
}
