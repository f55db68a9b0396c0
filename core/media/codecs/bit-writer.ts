/** Writes big-endian bit fields, first bit highest: the counterpart of `BitReader`. */
export class BitWriter {
  readonly #bytes: number[] = [];
  #bits = 0;

  /** `u(n)`: the lowest `count` bits of a value, up to 32. */
  bits(value: number, count: number): this {
    for (let bit = count - 1; bit >= 0; bit -= 1) {
      if (this.#bits % 8 === 0) {
        this.#bytes.push(0);
      }
      const at = this.#bytes.length - 1;
      const one = Math.floor(value / 2 ** bit) % 2;
      this.#bytes[at] = (this.#bytes[at] ?? 0) | (one << (7 - (this.#bits % 8)));
      this.#bits += 1;
    }
    return this;
  }

  /** `ue(v)`: an unsigned Exp-Golomb code (H.264, 9.1). */
  ue(value: number): this {
    const length = Math.floor(Math.log2(value + 1));
    return this.bits(0, length).bits(value + 1, length + 1);
  }

  /** `se(v)`: a signed Exp-Golomb code (H.264, 9.1.1). */
  se(value: number): this {
    return this.ue(value > 0 ? 2 * value - 1 : -2 * value);
  }

  /** What was written, filled up with zero bits to whole bytes. */
  bytes(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }
}
