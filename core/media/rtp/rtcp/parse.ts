import type { RtcpPacket } from './packets.ts';

/** Parses a compound packet (RFC 3550, 6.1), reduced-size ones too (RFC 5506). Never throws: stops at what is malformed. */
export function parseRtcp(_compound: Uint8Array): readonly RtcpPacket[] {
  return [];
}
