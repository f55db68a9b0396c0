/** Bytes of an access unit at most, as everywhere in Millrace where one is taken from outside. */
const MAX_UNIT_BYTES = 8 * 1024 * 1024;

/** Room that is kept from one unit to the next. */
const KEPT_BYTES = 64 * 1024;

/** Collects the bytes of one access unit after another. */
export class UnitBuffer {
  #bytes = new Uint8Array(KEPT_BYTES);
  #length = 0;

  /** Bytes collected. */
  get length(): number {
    return this.#length;
  }

  /** Adds bytes: a copy. False where the unit would become longer than 8 MiB: nothing is added. */
  append(bytes: Uint8Array): boolean {
    const end = this.#length + bytes.length;
    if (!this.#reserve(end)) {
      return false;
    }
    this.#bytes.set(bytes, this.#length);
    this.#length = end;
    return true;
  }

  /** Adds `count` zeros, to be written to by {@link view}. False where the unit would become too long. */
  extend(count: number): boolean {
    const end = this.#length + count;
    if (!this.#reserve(end)) {
      return false;
    }
    this.#bytes.fill(0, this.#length, end);
    this.#length = end;
    return true;
  }

  /** What lies between two places, until the next change. */
  view(start: number, end: number = this.#length): Uint8Array {
    return this.#bytes.subarray(start, end);
  }

  /** Forgets everything from a place on. */
  truncate(length: number): void {
    this.#length = Math.min(this.#length, length);
  }

  /** Everything collected: a copy of its own. */
  copy(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  /** Begins anew. */
  clear(): void {
    this.#length = 0;
    if (this.#bytes.length > KEPT_BYTES) {
      this.#bytes = new Uint8Array(KEPT_BYTES);
    }
  }

  #reserve(length: number): boolean {
    if (length > MAX_UNIT_BYTES) {
      return false;
    }
    if (length > this.#bytes.length) {
      const grown = new Uint8Array(Math.min(MAX_UNIT_BYTES, Math.max(length, 2 * this.#bytes.length)));
      grown.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = grown;
    }
    return true;
  }
}
