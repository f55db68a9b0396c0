import { MillraceError } from '../../runtime/errors.ts';

/** Reads big-endian bit fields, first bit highest: the notation of ISO/IEC 14496-3 and of H.264, 7.2. */
export class BitReader {
  readonly #bytes: Uint8Array;
  #position = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Bits not yet read. */
  get left(): number {
    return this.#bytes.length * 8 - this.#position;
  }

  /**
   * `u(n)`: an unsigned integer of up to 32 bits.
   *
   * @throws {MillraceError} `media/truncated` past the end.
   */
  bits(count: number): number {
    if (count > this.left) {
      throw new MillraceError('media/truncated', 'bit field past the end');
    }
    let value = 0;
    for (let read = 0; read < count; ) {
      const offset = this.#position & 7;
      const take = Math.min(8 - offset, count - read);
      const byte = this.#bytes[this.#position >> 3] ?? 0;
      // Multiplied, not shifted: 32 bits do not fit a signed integer.
      value = value * 2 ** take + ((byte >> (8 - offset - take)) & ((1 << take) - 1));
      this.#position += take;
      read += take;
    }
    return value;
  }

  /** One bit as a truth value. */
  flag(): boolean {
    return this.bits(1) === 1;
  }

  /** Passes over bits. */
  skip(count: number): void {
    if (count > this.left) {
      throw new MillraceError('media/truncated', 'bit field past the end');
    }
    this.#position += count;
  }

  /**
   * `ue(v)`: an unsigned Exp-Golomb code (H.264, 9.1), at most `max`.
   *
   * @throws {MillraceError} `media/malformed` above `max`.
   */
  ue(max = 0xffff_fffe): number {
    let zeros = 0;
    while (!this.flag()) {
      zeros += 1;
      if (zeros > 32) {
        throw new MillraceError('media/malformed', 'Exp-Golomb code of more than 32 bits');
      }
    }
    const value = 2 ** zeros - 1 + (zeros > 0 ? this.bits(zeros) : 0);
    if (value > max) {
      throw new MillraceError('media/malformed', `Exp-Golomb value ${value} above ${max}`);
    }
    return value;
  }

  /** `se(v)`: a signed Exp-Golomb code (H.264, 9.1.1). */
  se(): number {
    const code = this.ue();
    return code % 2 === 1 ? (code + 1) / 2 : 0 - code / 2;
  }
}
