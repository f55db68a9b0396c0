/** Bytes of the payload descriptor that is written: none of the optional fields. */
const DESCRIPTOR_BYTES = 1;

/** P: inter-picture predicted. */
const PREDICTED = 0x40;
/** B: start of a frame. */
const BEGIN = 0x08;
/** E: end of a frame. */
const END = 0x04;

/**
 * The payloads of one VP9 picture, RFC 9628, in equal pieces. Non-flexible mode without picture id, layer indices and
 * scalability structure (where there is a structure there must be ids): nothing in them belongs to one viewer.
 */
export function packetizeVp9(data: Uint8Array, key: boolean, maxPayload: number): Uint8Array[] {
  const count = Math.ceil(data.length / (maxPayload - DESCRIPTOR_BYTES));
  const size = Math.ceil(data.length / count);
  const payloads: Uint8Array[] = [];
  for (let at = 0; at < data.length; at += size) {
    const piece = data.subarray(at, at + size);
    const out = new Uint8Array(DESCRIPTOR_BYTES + piece.length);
    out[0] = (key ? 0 : PREDICTED) | (at === 0 ? BEGIN : 0) | (at + size >= data.length ? END : 0);
    out.set(piece, DESCRIPTOR_BYTES);
    payloads.push(out);
  }
  return payloads;
}
