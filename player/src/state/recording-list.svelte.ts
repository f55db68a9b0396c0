import type { Routes } from '../address/address.ts';
import { fetchRecordings } from '../api/recordings.ts';
import type { RecordingFacts } from '../api/recordings.ts';

/** How often the list is asked for while the page is seen, milliseconds: recordings come when broadcasts end. */
const interval = 30_000;

/** Recordings that can be watched, the newest first, kept fresh while the page is seen. */
export class RecordingList {
  /** Undefined before the first answer. */
  recordings = $state.raw<readonly RecordingFacts[]>();
  readonly #routes: Routes;
  readonly #stream: string | undefined;

  /** Of one stream, or of all. */
  constructor(routes: Routes, stream?: string) {
    this.#routes = routes;
    this.#stream = stream;
  }

  /** Begins to ask after so many milliseconds; returns what ends it. */
  start(after = 0): () => void {
    const ends = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = async (): Promise<void> => {
      clearTimeout(timer);
      try {
        const all = await fetchRecordings(this.#routes, this.#stream, ends.signal);
        this.recordings = all.filter(({ state }) => state === 'finished');
      } catch {
        // What was known stays.
      }
      if (!ends.signal.aborted && document.visibilityState === 'visible') {
        timer = setTimeout(() => void ask(), interval);
      }
    };
    document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && void ask(), { signal: ends.signal });
    timer = setTimeout(() => void ask(), after);
    return () => {
      ends.abort();
      clearTimeout(timer);
    };
  }
}
