import { isIP, isIPv4 } from 'node:net';

/** Where datagrams go. An IPv4 peer of a dual-stack socket may be given as IPv4 or as `::ffff:a.b.c.d`. */
export type DatagramAddress = { readonly address: string; readonly port: number; readonly family: 'IPv4' | 'IPv6' };

/** Address family of a socket. */
export type SocketFamily = 'udp4' | 'udp6';

const MAPPED = '::ffff:';

/** Bytes of `sockaddr_in` and `sockaddr_in6`. */
export const SOCKADDR_LENGTH = { udp4: 16, udp6: 28 } as const;

const AF_INET = 2;
const AF_INET6 = 10;

/** The address as a socket of the family takes it: IPv4 peers of an IPv6 socket are mapped (RFC 4291, 2.5.5.2). Undefined where it cannot reach it. */
export function addressFor(family: SocketFamily, address: string): string | undefined {
  const mapped = address.slice(0, MAPPED.length).toLowerCase() === MAPPED && isIPv4(address.slice(MAPPED.length)) ? address.slice(MAPPED.length) : undefined;
  const four = isIPv4(address) ? address : mapped;
  if (family === 'udp4') {
    return four;
  }
  return four === undefined ? (isIP(address) === 6 ? address : undefined) : MAPPED + four;
}

/**
 * The address as the kernel takes it, `sockaddr_in` or `sockaddr_in6` of Linux (little-endian hosts).
 *
 * @returns undefined for a port that is none, for what {@link addressFor} refuses, and for IPv6 addresses with a zone, whose
 * number only the system knows.
 */
export function sockaddr(family: SocketFamily, { address, port }: DatagramAddress): Uint8Array | undefined {
  const text = addressFor(family, address);
  if (text === undefined || text.includes('%') || !Number.isInteger(port) || port <= 0 || port > 65_535) {
    return undefined;
  }
  const bytes = new Uint8Array(SOCKADDR_LENGTH[family]);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, family === 'udp4' ? AF_INET : AF_INET6, true);
  view.setUint16(2, port);
  if (family === 'udp4') {
    bytes.set(text.split('.').map(Number), 4);
  } else {
    groups(text).forEach((group, i) => view.setUint16(8 + i * 2, group));
  }
  return bytes;
}

/** The eight groups of a valid IPv6 address. */
function groups(address: string): readonly number[] {
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
  const text = dotted === null ? address : `${dotted[1]}${pair(dotted[2], dotted[3])}:${pair(dotted[4], dotted[5])}`;
  const [head = '', tail] = text.split('::');
  const before = parse(head);
  const after = tail === undefined ? [] : parse(tail);
  return [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after];
}

function parse(part: string): readonly number[] {
  return part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16));
}

function pair(high: string | undefined, low: string | undefined): string {
  return (Number(high) * 256 + Number(low)).toString(16);
}
