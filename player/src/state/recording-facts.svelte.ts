import type { Routes } from '../address/address.ts';
import { fetchRecording } from '../api/recordings.ts';
import type { RecordingFacts } from '../api/recordings.ts';

/** How often a recording that goes on is asked for, and one whose answer did not come, milliseconds. */
const interval = 10_000;

/** What there is to know of a recording, asked for until it is finished. */
export class RecordingFactsState {
  facts = $state.raw<RecordingFacts>();
  /** The server has no such recording. */
  isGone = $state(false);
  readonly #routes: Routes;
  readonly #id: string;

  constructor(routes: Routes, id: string) {
    this.#routes = routes;
    this.#id = id;
  }

  /** Begins to ask; returns what ends it. */
  start(): () => void {
    const ends = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = async (): Promise<void> => {
      try {
        const facts = await fetchRecording(this.#routes, this.#id, ends.signal);
        this.isGone = facts === undefined;
        this.facts = facts;
      } catch {
        // What was known stays; the player tells of lost connections.
      }
      if (!ends.signal.aborted && !this.isGone && this.facts?.state !== 'finished') {
        timer = setTimeout(() => void ask(), interval);
      }
    };
    void ask();
    return () => {
      ends.abort();
      clearTimeout(timer);
    };
  }
}
