import { HANDSHAKE_HEADER_BYTES } from '../dtls/handshake-messages.ts';
import { CONTENT_TYPE, readRecords, writeRecord } from '../dtls/record.ts';

/** Each handshake message in pieces of 50 bytes, last piece first, each twice; what is protected before all of it. */
export function shuffled(datagram: Buffer): Buffer[] {
  return readRecords(datagram)
    .flatMap(({ type, epoch, fragment, bytes }) => {
      if (type !== CONTENT_TYPE.handshake || epoch !== 0) {
        return [bytes];
      }
      const body = fragment.subarray(HANDSHAKE_HEADER_BYTES);
      const pieces: Buffer[] = [];
      for (let at = 0; at === 0 || at < body.length; at += 50) {
        const piece = body.subarray(at, at + 50);
        const header = Buffer.from(fragment.subarray(0, HANDSHAKE_HEADER_BYTES));
        header.writeUIntBE(at, 6, 3);
        header.writeUIntBE(piece.length, 9, 3);
        const record = writeRecord(CONTENT_TYPE.handshake, 0, at, Buffer.concat([header, piece]));
        pieces.push(record, record);
      }
      return pieces;
    })
    .reverse();
}
