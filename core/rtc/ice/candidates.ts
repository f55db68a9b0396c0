import type { NetworkInterfaceInfo } from 'node:os';

import { isLinkLocal, isLoopback, plainAddress } from '../ports/address.ts';
import type { Candidate } from '../transport.ts';

/** Type preference of a UDP host candidate, RFC 8445, 5.1.2.2. */
const UDP_TYPE_PREFERENCE = 126;
/** Below UDP's ("the use of UDP SHOULD be preferred", RFC 6544, 4.2); the value browsers use for TCP host candidates. */
const TCP_TYPE_PREFERENCE = 90;
/** Direction preference of a passive host candidate, in the upper 3 bits of the local preference, RFC 6544, 4.2. */
const PASSIVE_DIRECTION = 4 << 13;
const COMPONENT = 1;
/** Peers pair each with each of their own: more than a handful only makes connecting slower. */
const MAX_ADDRESSES = 8;

/** Candidates for the addresses, in this order, UDP before TCP. */
export function candidatesFor(addresses: readonly string[], port: number, tcpPort: number | undefined): readonly Candidate[] {
  const list = addresses.slice(0, MAX_ADDRESSES);
  const udp = list.map((address, at): Candidate => ({ foundation: `${at + 1}`, protocol: 'udp', priority: priorityOf(UDP_TYPE_PREFERENCE, 0xffff - at), address, port }));
  if (tcpPort === undefined) {
    return udp;
  }
  const tcp = list.map(
    (address, at): Candidate => ({ foundation: `${list.length + at + 1}`, protocol: 'tcp', priority: priorityOf(TCP_TYPE_PREFERENCE, PASSIVE_DIRECTION | (0x1fff - at)), address, port: tcpPort }),
  );
  return [...udp, ...tcp];
}

/**
 * The addresses under which this machine's interfaces can be reached: IPv4 first, for a network that has both answers over it
 * for certain, then IPv6. No link-local ones, and loopback only where there is nothing else.
 */
export function interfaceAddresses(interfaces: NodeJS.Dict<NetworkInterfaceInfo[]>, families: { readonly ipv6: boolean }): readonly string[] {
  const all = Object.values(interfaces)
    .flatMap((list) => list ?? [])
    .filter(({ address, family }) => !isLinkLocal(address) && (family === 'IPv4' || families.ipv6))
    .map(({ address }) => plainAddress(address));
  const outside = all.filter((address) => !isLoopback(address));
  return byFamily(outside.length > 0 ? outside : all);
}

/** IPv4 first, each once. */
export function byFamily(addresses: readonly string[]): readonly string[] {
  const once = [...new Set(addresses)];
  return [...once.filter((address) => !address.includes(':')), ...once.filter((address) => address.includes(':'))];
}

/** `(2^24) * type preference + (2^8) * local preference + (256 - component)`, RFC 8445, 5.1.2.1. */
function priorityOf(typePreference: number, localPreference: number): number {
  return typePreference * 2 ** 24 + localPreference * 2 ** 8 + (256 - COMPONENT);
}
