import { nutCrc } from './crc.ts';
import { HEADER_CHECKSUM_ABOVE, type StartCode } from './syntax.ts';

/** Collects the fields of a NUT packet. */
export class NutWriter {
  readonly #bytes: number[] = [];

  /** A universal code `v`: 7 bits a byte, most significant first, the top bit set on all but the last. */
  v(value: number): this {
    const groups = [value % 128];
    for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128)) {
      groups.push((rest % 128) | 0x80);
    }
    this.#bytes.push(...groups.reverse());
    return this;
  }

  /** A signed universal code `s`. */
  s(value: number): this {
    return this.v(value > 0 ? 2 * value - 1 : -2 * value);
  }

  /** Bytes with their length before them, `vb`. */
  vb(bytes: Uint8Array): this {
    return this.v(bytes.length).raw(bytes);
  }

  /** Text as `vb`. */
  text(text: string): this {
    return this.vb(new TextEncoder().encode(text));
  }

  u32(value: number): this {
    this.#bytes.push(value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff);
    return this;
  }

  raw(bytes: Iterable<number>): this {
    for (const byte of bytes) {
      this.#bytes.push(byte);
    }
    return this;
  }

  /** What was written so far. */
  bytes(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }
}

/** A packet: start code, forward pointer, a header checksum where it is long, the fields and their checksum. */
export function nutPacket(code: StartCode, fields: NutWriter): Uint8Array {
  const body = fields.bytes();
  const packet = new NutWriter().u32(code[0]).u32(code[1]).v(body.length + 4);
  if (body.length + 4 > HEADER_CHECKSUM_ABOVE) {
    packet.u32(nutCrc(packet.bytes()));
  }
  return packet.raw(body).u32(nutCrc(body)).bytes();
}
