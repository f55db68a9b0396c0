import { MillraceError } from '../../../runtime/errors.ts';

/** Thrown by {@link NutReader} where the bytes end inside a field; caught by the demuxer, never seen by its user. */
export class Underrun extends Error {
  /** Bytes, from the start of the view, without which no progress is possible. */
  readonly needed: number;

  constructor(needed: number) {
    super('more bytes are needed');
    this.needed = needed;
  }
}

/** Reads the fields of NUT from a view of bytes. */
export class NutReader {
  readonly bytes: Uint8Array;
  at: number;

  constructor(bytes: Uint8Array, at = 0) {
    this.bytes = bytes;
    this.at = at;
  }

  u8(): number {
    const byte = this.bytes[this.at];
    if (byte === undefined) {
      throw new Underrun(this.at + 1);
    }
    this.at += 1;
    return byte;
  }

  u32(): number {
    return ((this.u8() << 24) | (this.u8() << 16) | (this.u8() << 8) | this.u8()) >>> 0;
  }

  /** A universal code `v` of up to 64 bits; above 2^53 it is not exact (ffmpeg writes such for "no value"). */
  v(): number {
    let value = 0;
    for (let length = 0; length < 10; length += 1) {
      const byte = this.u8();
      value = value * 128 + (byte & 0x7f);
      if (byte < 0x80) {
        return value;
      }
    }
    throw new MillraceError('media/malformed', 'NUT number of more than 64 bits');
  }

  /** A signed universal code `s`. */
  s(): number {
    const value = this.v() + 1;
    return value % 2 === 1 ? -(value - 1) / 2 : value / 2;
  }

  /** A view of the next bytes. */
  raw(length: number): Uint8Array {
    if (this.at + length > this.bytes.length) {
      throw new Underrun(this.at + length);
    }
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  /** Bytes with their length before them, `vb`. */
  vb(): Uint8Array {
    return this.raw(this.v());
  }
}
