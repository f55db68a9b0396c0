import type { Routes } from '../address/address.ts';
import { fetchStream } from '../api/streams.ts';
import type { Edges } from '../edges/edges.ts';
import type { StreamFacts } from '../api/streams.ts';

/**
 * When it is asked, milliseconds after the one before; the last over and over. A moment after the picture, again when the
 * server has counted this viewer, then now and then: short requests, nothing is held open beside the media.
 */
const pauses = [1_000, 2_000, 5_000] as const;

/** The stream's facts beside the picture: viewers, and since when it is on air. */
export class StreamFactsState {
  facts = $state.raw<StreamFacts>();
  readonly #routes: Routes;
  readonly #stream: string;
  readonly #edges: Edges | undefined;
  readonly #told: ((facts: StreamFacts | undefined) => void) | undefined;

  /** `told`: called with each answer. */
  constructor(routes: Routes, stream: string, told?: (facts: StreamFacts | undefined) => void, edges?: Edges) {
    this.#edges = edges;
    this.#routes = routes;
    this.#stream = stream;
    this.#told = told;
  }

  /** Begins to ask, a moment after the picture has been asked for; returns what ends it. */
  start(): () => void {
    const ends = new AbortController();
    const ask = async (): Promise<void> => {
      if (document.visibilityState === 'visible') {
        try {
          this.facts = await fetchStream(this.#routes, this.#stream, ends.signal, this.#edges);
          this.#told?.(this.facts);
        } catch {
          // What was known stays; the player tells of lost connections.
        }
      }
    };
    let timer: ReturnType<typeof setTimeout>;
    const wait = (turn: number): void => {
      timer = setTimeout(() => {
        void ask();
        wait(turn + 1);
      }, pauses[turn] ?? pauses[2]);
    };
    // Who returns to the page sees what is, not what was.
    document.addEventListener('visibilitychange', () => void ask(), { signal: ends.signal });
    wait(0);
    return () => {
      ends.abort();
      clearTimeout(timer);
    };
  }
}
