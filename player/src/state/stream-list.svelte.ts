import { millis } from '#core/media/time.ts';
import type { Routes } from '../address/address.ts';
import { fetchStreams } from '../api/streams.ts';
import type { StreamFacts } from '../api/streams.ts';
import { BackOff } from '../session/back-off.ts';

/** How often the list is asked for while the page is seen, milliseconds. */
const interval = 4_000;

/** What is on air, kept fresh while the page is seen. */
export class StreamList {
  /** Undefined before the first answer. */
  streams = $state.raw<readonly StreamFacts[]>();
  /** The last question got no answer. */
  unreachable = $state(false);
  readonly onAir = $derived.by(() => this.streams?.filter(({ state }) => state !== 'offline') ?? []);
  readonly offAir = $derived.by(() => this.streams?.filter(({ state }) => state === 'offline') ?? []);
  readonly #routes: Routes;

  constructor(routes: Routes) {
    this.#routes = routes;
  }

  /** Begins to ask; returns what ends it. */
  start(): () => void {
    const ends = new AbortController();
    const backOff = new BackOff(millis(1_500), millis(15_000));
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = async (): Promise<void> => {
      clearTimeout(timer);
      let wait = interval;
      try {
        this.streams = await fetchStreams(this.#routes, ends.signal);
        this.unreachable = false;
        backOff.reset();
      } catch {
        this.unreachable = true;
        wait = backOff.next();
      }
      if (!ends.signal.aborted && document.visibilityState === 'visible') {
        timer = setTimeout(() => void ask(), wait);
      }
    };
    document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && void ask(), { signal: ends.signal });
    void ask();
    return () => {
      ends.abort();
      clearTimeout(timer);
    };
  }
}
