/** Longest key of an address, and longest packet: what lies above is not of WebRTC. */
const MAX_KEY_BYTES = 255;
const MAX_PACKET_BYTES = 65_535;
const HEAD_BYTES = 4;
const FOREIGN = 1;

/** A packet, with the key of the address that it comes from or goes to. `bytes` are a view. */
export type PacketRecord = { readonly key: string; readonly isForeign: boolean; readonly bytes: Buffer };

/**
 * Writes packets side by side into one buffer, to be posted together.
 *
 * ```
 * | flags (8): 1 = another thread's address | key's length (8) | packet's length (16) | key | packet | ...
 * ```
 */
export class RecordWriter {
  readonly #bytes = Buffer.alloc(256 * 1024);
  #end = 0;

  get byteLength(): number {
    return this.#end;
  }

  /** @returns false where there is no room, or the packet is none. */
  add(key: string, packet: Uint8Array, isForeign = false): boolean {
    const keyLength = key.length;
    const length = HEAD_BYTES + keyLength + packet.length;
    if (keyLength > MAX_KEY_BYTES || packet.length > MAX_PACKET_BYTES || this.#end + length > this.#bytes.length) {
      return false;
    }
    const at = this.#end;
    this.#bytes[at] = isForeign ? FOREIGN : 0;
    this.#bytes[at + 1] = keyLength;
    this.#bytes.writeUInt16BE(packet.length, at + 2);
    this.#bytes.write(key, at + HEAD_BYTES, 'latin1');
    this.#bytes.set(packet, at + HEAD_BYTES + keyLength);
    this.#end += length;
    return true;
  }

  /** Gives a copy of what was written, to be transferred, and begins anew. */
  take(): Uint8Array<ArrayBuffer> {
    const taken = Uint8Array.from(this.#bytes.subarray(0, this.#end));
    this.#end = 0;
    return taken;
  }
}

/** Reads what {@link RecordWriter} wrote. */
export function* readRecords(records: Uint8Array<ArrayBuffer>): Generator<PacketRecord, void, void> {
  const bytes = Buffer.from(records.buffer, records.byteOffset, records.byteLength);
  for (let at = 0; at + HEAD_BYTES <= bytes.length; ) {
    const keyAt = at + HEAD_BYTES;
    const packetAt = keyAt + bytes[at + 1]!;
    const end = packetAt + bytes.readUInt16BE(at + 2);
    yield { key: bytes.toString('latin1', keyAt, packetAt), isForeign: bytes[at] === FOREIGN, bytes: bytes.subarray(packetAt, end) };
    at = end;
  }
}
