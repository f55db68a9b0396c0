/** A table of 32-bit fields that grows: the entries of a sample table, in the order and form in which they are stored. */
export class Table {
  #bytes = new Uint8Array(256);
  #view = new DataView(this.#bytes.buffer);
  #used = 0;

  /** Bytes of the entries so far. */
  get size(): number {
    return this.#used;
  }

  /** Appends fields; negative ones as two's complement. */
  push(...values: readonly number[]): void {
    if (this.#used + 4 * values.length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(2 * this.#bytes.length, this.#used + 4 * values.length));
      grown.set(this.#bytes);
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    for (const value of values) {
      this.#view.setUint32(this.#used, value >>> 0);
      this.#used += 4;
    }
  }

  /** The entries. No copy: nothing may be appended afterwards. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#used);
  }
}
