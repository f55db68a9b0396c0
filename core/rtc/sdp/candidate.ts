import type { Candidate } from '../transport.ts';
import { numberOf, wordsOf } from './lines.ts';
import type { PeerCandidate } from './session-offer.ts';

const MAX_PRIORITY = 0x7fff_ffff;

/**
 * Reads the value of `a=candidate` (RFC 8839, 5.1):
 * `<foundation> <component> <transport> <priority> <address> <port> typ <type> ...`.
 *
 * @returns undefined where it is not of the form, or of a transport that is neither UDP nor TCP.
 */
export function parseCandidate(value: string): PeerCandidate | undefined {
  const [foundation, component, transport, priority, address, port, typ, type] = wordsOf(value);
  const protocol = transport?.toLowerCase();
  const numbers = { component: numberOf(component, 256), priority: numberOf(priority, MAX_PRIORITY), port: numberOf(port, 65_535) };
  if (
    foundation === undefined || !/^[A-Za-z0-9+/]{1,32}$/.test(foundation) ||
    numbers.component === undefined || numbers.priority === undefined || numbers.port === undefined ||
    (protocol !== 'udp' && protocol !== 'tcp') ||
    address === undefined || !/^[0-9A-Za-z.:-]{1,255}$/.test(address) ||
    typ !== 'typ' || type === undefined
  ) {
    return undefined;
  }
  return { foundation, component: numbers.component, protocol, priority: numbers.priority, address, port: numbers.port, type };
}

/** Writes a candidate of the server as the value of `a=candidate`. TCP is passive: the client connects (RFC 6544, 4.5). */
export function writeCandidate({ foundation, protocol, priority, address, port }: Candidate): string {
  return `${foundation} 1 ${protocol} ${priority} ${address} ${port} typ host${protocol === 'tcp' ? ' tcptype passive' : ''}`;
}
