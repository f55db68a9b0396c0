type Queued<T> = { value: T; readonly done: Promise<boolean> };

/**
 * Writes values under names: one write of a name at a time, so they keep their order, and values that a newer one has
 * overtaken while they waited are skipped. So at most two are kept for each name.
 */
export class LatestWrites<T> {
  readonly #store: (name: string, value: T) => Promise<boolean>;
  readonly #queued = new Map<string, Queued<T>>();
  readonly #running = new Map<string, Promise<boolean>>();

  /** @param store Writes a value; false where that failed. Never rejects. */
  constructor(store: (name: string, value: T) => Promise<boolean>) {
    this.#store = store;
  }

  /** Settles once the value, or a newer one, is written (true) or has failed to be (false). */
  put(name: string, value: T): Promise<boolean> {
    const queued = this.#queued.get(name);
    if (queued) {
      queued.value = value;
      return queued.done;
    }
    const before = this.#running.get(name) ?? Promise.resolve(true);
    const next: Queued<T> = {
      value,
      done: before.then(async () => {
        this.#queued.delete(name);
        const stored = await this.#store(name, next.value);
        if (this.#running.get(name) === next.done) {
          this.#running.delete(name);
        }
        return stored;
      }),
    };
    this.#queued.set(name, next);
    this.#running.set(name, next.done);
    return next.done;
  }

  /** Settles when nothing waits to be written. */
  async flush(): Promise<void> {
    while (this.#running.size > 0) {
      await Promise.all(this.#running.values());
    }
  }
}
