/** Bytes of a handshake message's header, RFC 6347, 4.2.2. */
export const HANDSHAKE_HEADER_BYTES = 12;

/** Handshake types, RFC 5246, 7.4. */
export const HANDSHAKE_TYPE = {
  clientHello: 1,
  serverHello: 2,
  helloVerifyRequest: 3,
  certificate: 11,
  serverKeyExchange: 12,
  certificateRequest: 13,
  serverHelloDone: 14,
  certificateVerify: 15,
  clientKeyExchange: 16,
  finished: 20,
} as const;

/** Longest message that is put together. A certificate of RSA 4096 with its chain of three stays below. */
const MAX_MESSAGE_BYTES = 8192;
/** Messages from the awaited one on that are kept until it comes: a server's hello is followed by four. */
const MAX_AHEAD = 5;
/** Fragments of one message: at a path MTU of 256 bytes a message of 8 KB has 32. */
const MAX_FRAGMENTS = 48;

/** A whole message. */
export type HandshakeMessage = {
  readonly type: number;
  readonly sequence: number;
  readonly body: Buffer;
  /** The message unfragmented, header included: how it enters the handshake's hash (RFC 6347, 4.2.6). */
  readonly bytes: Buffer;
};

type Partial = { readonly type: number; readonly length: number; readonly bytes: Buffer; readonly filled: [number, number][]; fragments: number };

/** Writes a whole message with its header. */
export function writeHandshakeMessage(type: number, sequence: number, body: Uint8Array): Buffer {
  const bytes = Buffer.alloc(HANDSHAKE_HEADER_BYTES + body.length);
  writeHeader(bytes, type, sequence, body.length);
  bytes.set(body, HANDSHAKE_HEADER_BYTES);
  return bytes;
}

/** Puts handshake messages together and in order, each given out once, RFC 6347, 4.2.2 and 4.2.3. Bounded, whatever comes. */
export class HandshakeMessages {
  readonly #partial = new Map<number, Partial>();
  #next = 0;

  /** Sequence number of the message that is awaited. */
  get next(): number {
    return this.#next;
  }

  /**
   * Takes the fragments of one record.
   *
   * @returns the messages that are now whole and in order; `repeated` where the peer sent what was given out before, that is, where it misses our flight.
   */
  push(fragments: Buffer): { readonly messages: readonly HandshakeMessage[]; readonly repeated: boolean } {
    let repeated = false;
    for (let at = 0; at + HANDSHAKE_HEADER_BYTES <= fragments.length; ) {
      const sequence = fragments.readUInt16BE(at + 4);
      const end = at + HANDSHAKE_HEADER_BYTES + fragments.readUIntBE(at + 9, 3);
      if (end > fragments.length) {
        break;
      }
      if (sequence < this.#next) {
        repeated = true;
      } else if (sequence < this.#next + MAX_AHEAD) {
        this.#keep(sequence, fragments.subarray(at, end));
      }
      at = end;
    }
    return { messages: this.#take(), repeated };
  }

  #keep(sequence: number, fragment: Buffer): void {
    const type = fragment[0]!;
    const length = fragment.readUIntBE(1, 3);
    const offset = fragment.readUIntBE(6, 3);
    const body = fragment.subarray(HANDSHAKE_HEADER_BYTES);
    if (length > MAX_MESSAGE_BYTES || offset + body.length > length) {
      return;
    }
    let partial = this.#partial.get(sequence);
    // The newest beginning counts: one forged piece must not keep the true message out for good.
    if (partial === undefined || partial.type !== type || partial.length !== length || partial.fragments >= MAX_FRAGMENTS) {
      partial = { type, length, bytes: Buffer.alloc(HANDSHAKE_HEADER_BYTES + length), filled: [], fragments: 0 };
      writeHeader(partial.bytes, type, sequence, length);
      this.#partial.set(sequence, partial);
    }
    partial.fragments += 1;
    body.copy(partial.bytes, HANDSHAKE_HEADER_BYTES + offset);
    fill(partial.filled, offset, offset + body.length);
  }

  #take(): HandshakeMessage[] {
    const messages: HandshakeMessage[] = [];
    for (;;) {
      const partial = this.#partial.get(this.#next);
      if (partial === undefined || !isWhole(partial)) {
        return messages;
      }
      this.#partial.delete(this.#next);
      messages.push({ type: partial.type, sequence: this.#next, body: partial.bytes.subarray(HANDSHAKE_HEADER_BYTES), bytes: partial.bytes });
      this.#next += 1;
    }
  }
}

/** The header of a message in one piece. */
function writeHeader(bytes: Buffer, type: number, sequence: number, length: number): void {
  bytes.writeUInt8(type, 0);
  bytes.writeUIntBE(length, 1, 3);
  bytes.writeUInt16BE(sequence, 4);
  bytes.writeUIntBE(0, 6, 3);
  bytes.writeUIntBE(length, 9, 3);
}

function isWhole({ filled, length }: Partial): boolean {
  return filled.length === 1 && filled[0]![0] === 0 && filled[0]![1] === length;
}

/** Adds a range to a list of ranges that are apart and in order. */
function fill(ranges: [number, number][], from: number, to: number): void {
  ranges.push([from, to]);
  ranges.sort((a, b) => a[0] - b[0]);
  for (let at = 1; at < ranges.length; ) {
    const before = ranges[at - 1]!;
    const range = ranges[at]!;
    if (range[0] <= before[1]) {
      before[1] = Math.max(before[1], range[1]);
      ranges.splice(at, 1);
    } else {
      at += 1;
    }
  }
}
