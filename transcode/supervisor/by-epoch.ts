/** How many epochs are kept while their frames are still to come. */
const KEPT = 4;

/** A value for each epoch of a broadcast. Frames and catalogs come in any order, so a value may be waited for. */
export class ByEpoch<Value> {
  readonly #values = new Map<number, Value>();
  #newest = -1;
  #closed = false;
  /** Lets {@link ByEpoch.wait} look again. */
  #wake: () => void = () => undefined;

  put(epoch: number, value: Value): void {
    this.#values.set(epoch, value);
    this.#newest = Math.max(this.#newest, epoch);
    [...this.#values.keys()].slice(0, -KEPT).forEach((old) => this.#values.delete(old));
    this.#wake();
  }

  get(epoch: number): Value | undefined {
    return this.#values.get(epoch);
  }

  /** An epoch's value, at once or when it comes; undefined where the epoch is of the past. One caller at a time. */
  async wait(epoch: number): Promise<Value | undefined> {
    while (!this.#values.has(epoch) && epoch > this.#newest && !this.#closed) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#values.get(epoch);
  }

  /** Ends the waiting. Idempotent. */
  close(): void {
    this.#closed = true;
    this.#wake();
  }
}
