import { MillraceError } from '../../runtime/errors.ts';
import type { Unsubscribe } from '../bus.ts';
import type { SharedState } from '../shared-state.ts';

type Entry = { readonly value: unknown; readonly fence: number };
type Listener = (key: string, value: unknown) => void;

/** Small values of one process: they end with it. */
export class LocalShared implements SharedState {
  readonly durable = false;
  /** Keys that were taken away stay for their fence. */
  readonly #entries = new Map<string, Entry>();
  readonly #listeners = new Map<Listener, string>();

  get(key: string): Promise<unknown> {
    return Promise.resolve(structuredClone(this.#entries.get(key)?.value));
  }

  put(key: string, value: unknown, { fence = 0 }: { readonly fence?: number } = {}): Promise<void> {
    return this.#write(key, structuredClone(value), fence);
  }

  delete(key: string, { fence = 0 }: { readonly fence?: number } = {}): Promise<void> {
    return this.#write(key, undefined, fence);
  }

  watch(prefix: string, listener: Listener): Unsubscribe {
    const entry: Listener = (key, value) => listener(key, value);
    this.#listeners.set(entry, prefix);
    for (const [key, { value }] of [...this.#entries]) {
      if (key.startsWith(prefix) && value !== undefined) {
        listener(key, structuredClone(value));
      }
    }
    return () => this.#listeners.delete(entry);
  }

  close(): void {
    this.#listeners.clear();
    this.#entries.clear();
  }

  #write(key: string, value: unknown, fence: number): Promise<void> {
    const highest = this.#entries.get(key)?.fence ?? 0;
    if (fence < highest) {
      return Promise.reject(new MillraceError('bus/fenced', `another writer has taken "${key}" over`, { details: { key, fence, highest } }));
    }
    if (value === undefined && fence === 0) {
      this.#entries.delete(key);
    } else {
      this.#entries.set(key, { value, fence });
    }
    for (const [listener, prefix] of [...this.#listeners]) {
      if (key.startsWith(prefix)) {
        listener(key, structuredClone(value));
      }
    }
    return Promise.resolve();
  }
}
