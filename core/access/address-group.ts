import { isIPv6 } from 'node:net';

/**
 * What counts as one address in a limit: an IPv4 address as it is (also where it comes mapped into IPv6), of an IPv6
 * address the /64 that one subscriber is given (RFC 6177), anything else as it came.
 */
export function addressGroup(address: string): string {
  if (!address.includes(':')) {
    return address;
  }
  const plain = address.replace(/%.*$/, '').toLowerCase();
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(plain)?.[1];
  if (mapped !== undefined) {
    return mapped;
  }
  if (!isIPv6(plain)) {
    return plain;
  }
  const [before = '', after] = plain.split('::');
  const front = hextets(before);
  const back = after === undefined ? [] : hextets(after);
  const zeros = Array.from({ length: Math.max(0, 8 - front.length - back.length) }, () => '0');
  const all = [...front, ...zeros, ...back];
  return `${all.slice(0, 4).map((hextet) => Number.parseInt(hextet, 16).toString(16)).join(':')}::/64`;
}

function hextets(text: string): string[] {
  if (text === '') {
    return [];
  }
  // A dotted quad at the end fills two hextets; it never reaches the first four, so its value does not matter.
  return text.split(':').flatMap((hextet) => (hextet.includes('.') ? ['0', '0'] : [hextet]));
}
