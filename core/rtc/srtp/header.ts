/** Bytes of an RTP header without contributing sources. */
export const RTP_HEADER = 12;

/** Bytes of RTCP that SRTCP leaves in the clear: the first header and the sender's SSRC. */
export const RTCP_HEADER = 8;

/**
 * Where the payload of an RTP packet begins: what comes before is authenticated but not encrypted (RFC 3711, 3.1).
 *
 * ```
 *  0                   1                   2                   3
 * |V=2|P|X|  CC   |M|     PT      |       sequence number         |
 * |                           timestamp                           |
 * |                             SSRC                              |
 * |              contributing sources, CC times                   |
 * |      defined by profile       |  extension's length in words  |   where X
 * ```
 *
 * @returns the offset from `at`, or 0 where `length` bytes hold no such header.
 */
export function payloadOffset(view: DataView, at: number, length: number): number {
  if (length < RTP_HEADER) {
    return 0;
  }
  const first = view.getUint8(at);
  if (first >> 6 !== 2) {
    return 0;
  }
  let offset = RTP_HEADER + (first & 0x0f) * 4;
  if ((first & 0x10) !== 0) {
    if (offset + 4 > length) {
      return 0;
    }
    offset += 4 + view.getUint16(at + offset + 2) * 4;
  }
  return offset <= length ? offset : 0;
}
