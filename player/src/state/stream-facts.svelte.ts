import type { Routes } from '../address/address.ts';
import { fetchStream } from '../api/streams.ts';
import type { StreamFacts } from '../api/streams.ts';

/** How often, milliseconds. A short request now and then; nothing is held open beside the media. */
const interval = 10_000;

/** The stream's facts beside the picture: viewers, and since when it is on air. */
export class StreamFactsState {
  facts = $state.raw<StreamFacts>();
  readonly #routes: Routes;
  readonly #stream: string;

  constructor(routes: Routes, stream: string) {
    this.#routes = routes;
    this.#stream = stream;
  }

  /** Begins to ask, a moment after the picture has been asked for; returns what ends it. */
  start(): () => void {
    const ends = new AbortController();
    const ask = async (): Promise<void> => {
      if (document.visibilityState === 'visible') {
        try {
          this.facts = await fetchStream(this.#routes, this.#stream, ends.signal);
        } catch {
          // What was known stays; the player tells of lost connections.
        }
      }
    };
    const first = setTimeout(() => void ask(), 1_000);
    const timer = setInterval(() => void ask(), interval);
    return () => {
      ends.abort();
      clearTimeout(first);
      clearInterval(timer);
    };
  }
}
