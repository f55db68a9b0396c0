/** Bytes of the payload descriptor that is written: none of the optional fields. */
const DESCRIPTOR_BYTES = 1;

/** S: start of a partition, and PID 0: of the frame. */
const START = 0x10;

/**
 * The payloads of one VP8 frame, RFC 7741, in equal pieces that heed no partition (4.4 allows it). Without picture id, so that
 * nothing in them belongs to one viewer.
 *
 *      0 1 2 3 4 5 6 7
 *     +-+-+-+-+-+-+-+-+
 *     |X|R|N|S|R| PID |   4.2
 *     +-+-+-+-+-+-+-+-+
 */
export function packetizeVp8(data: Uint8Array, maxPayload: number): Uint8Array[] {
  const count = Math.ceil(data.length / (maxPayload - DESCRIPTOR_BYTES));
  const size = Math.ceil(data.length / count);
  const payloads: Uint8Array[] = [];
  for (let at = 0; at < data.length; at += size) {
    const piece = data.subarray(at, at + size);
    const out = new Uint8Array(DESCRIPTOR_BYTES + piece.length);
    out[0] = at === 0 ? START : 0;
    out.set(piece, DESCRIPTOR_BYTES);
    payloads.push(out);
  }
  return payloads;
}
