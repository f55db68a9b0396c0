/** What a datagram carries. */
export type DatagramKind = 'stun' | 'dtls' | 'rtp' | 'rtcp' | 'unknown';

/**
 * Tells the protocols that share one port apart, RFC 7983, 7, and RTCP from RTP by its packet type, RFC 5761, 4.
 *
 * ```
 * first byte  0..3 STUN   20..63 DTLS   128..191 RTP/RTCP   else dropped (ZRTP, TURN channels: we have neither)
 * ```
 */
export function datagramKind(datagram: Uint8Array): DatagramKind {
  const first = datagram[0];
  if (first === undefined) {
    return 'unknown';
  }
  if (first >= 128 && first <= 191) {
    const second = datagram[1] ?? 0;
    // Packet types 192 to 223 are RTCP; an RTP payload type of 64 to 95 with the marker bit would look the same and is never negotiated.
    return second >= 192 && second <= 223 ? 'rtcp' : 'rtp';
  }
  if (first <= 3) {
    return 'stun';
  }
  return first >= 20 && first <= 63 ? 'dtls' : 'unknown';
}
