/** Content types, RFC 5246, 6.2.1. */
export const CONTENT_TYPE = { changeCipherSpec: 20, alert: 21, handshake: 22, applicationData: 23 } as const;

/** Bytes before a record's fragment. */
export const RECORD_HEADER_BYTES = 13;

/** Major version byte of every DTLS version: one's complement of 1. */
const DTLS_MAJOR = 254;

/** One record of a datagram. Views of it. */
export type DtlsRecord = {
  readonly type: number;
  readonly epoch: number;
  /** 48 bits. */
  readonly sequence: number;
  readonly fragment: Buffer;
  /** Header and fragment. */
  readonly bytes: Buffer;
};

/**
 * Takes a datagram apart, RFC 6347, 4.1. Ends without a word at what is no record: "invalid records SHOULD be silently discarded".
 *
 * ```
 * | type (8) | version (16) | epoch (16) | sequence number (48) | length (16) | fragment |
 * ```
 */
export function readRecords(datagram: Buffer): readonly DtlsRecord[] {
  const records: DtlsRecord[] = [];
  let at = 0;
  while (at + RECORD_HEADER_BYTES <= datagram.length && datagram[at + 1] === DTLS_MAJOR) {
    const end = at + RECORD_HEADER_BYTES + datagram.readUInt16BE(at + 11);
    if (end > datagram.length) {
      break;
    }
    records.push({
      type: datagram[at]!,
      epoch: datagram.readUInt16BE(at + 3),
      sequence: datagram.readUIntBE(at + 5, 6),
      fragment: datagram.subarray(at + RECORD_HEADER_BYTES, end),
      bytes: datagram.subarray(at, end),
    });
    at = end;
  }
  return records;
}

/** Writes a record of DTLS 1.2. */
export function writeRecord(type: number, epoch: number, sequence: number, fragment: Uint8Array): Buffer {
  const bytes = Buffer.alloc(RECORD_HEADER_BYTES + fragment.length);
  bytes.writeUInt8(type, 0);
  bytes.writeUInt16BE(0xfefd, 1);
  bytes.writeUInt16BE(epoch, 3);
  bytes.writeUIntBE(sequence, 5, 6);
  bytes.writeUInt16BE(fragment.length, 11);
  bytes.set(fragment, RECORD_HEADER_BYTES);
  return bytes;
}
