import type { Bus, Unsubscribe } from '../bus/bus.ts';
import type { StreamName } from '../bus/catalog.ts';
import { KNOWN_STREAMS } from './publish-questions.ts';
import { isStreamName } from './stream-key.ts';

/** Streams that somebody may publish, as whoever has the keys tells of them over the bus. Kept by subscription: reading costs nothing. */
export class KnownStreams {
  readonly #unsubscribe: Unsubscribe;
  readonly #listeners = new Set<(streams: readonly StreamName[]) => void>();
  #streams: readonly StreamName[] = [];

  constructor(bus: Pick<Bus, 'shared'>) {
    this.#unsubscribe = bus.shared.watch(KNOWN_STREAMS, (key, value) => {
      if (key === KNOWN_STREAMS) {
        this.#take(value);
      }
    });
  }

  list(): readonly StreamName[] {
    return this.#streams;
  }

  /** Calls back at once with all of them, then with all of them after each change. */
  onChange(listener: (streams: readonly StreamName[]) => void): Unsubscribe {
    this.#listeners.add(listener);
    listener(this.#streams);
    return () => this.#listeners.delete(listener);
  }

  /** Idempotent. */
  close(): void {
    this.#unsubscribe();
    this.#listeners.clear();
  }

  #take(value: unknown): void {
    // Streams do not become unknown because the value was damaged or is away: whoever has the keys writes it anew.
    if (!Array.isArray(value)) {
      return;
    }
    this.#streams = [...new Set(value.filter((name: unknown): name is StreamName => typeof name === 'string' && isStreamName(name)))];
    [...this.#listeners].forEach((listener) => listener(this.#streams));
  }
}
