/** Lets so many readers at the disk at a time, and so many wait. */
export class ReadGate {
  readonly #atOnce: number;
  readonly #maxWaiting: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(atOnce: number, maxWaiting: number) {
    this.#atOnce = atOnce;
    this.#maxWaiting = maxWaiting;
  }

  /** Runs a read when it is its turn. Undefined at once where too many wait. */
  run<T>(read: () => Promise<T>): Promise<T> | undefined {
    if (this.#running >= this.#atOnce) {
      return this.#waiting.length >= this.#maxWaiting ? undefined : new Promise<void>((resolve) => this.#waiting.push(resolve)).then(() => this.#held(read));
    }
    this.#running++;
    return this.#held(read);
  }

  /** Reads in a place that is taken already, and hands it on. */
  async #held<T>(read: () => Promise<T>): Promise<T> {
    try {
      return await read();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) {
        this.#running--;
      } else {
        next();
      }
    }
  }
}
