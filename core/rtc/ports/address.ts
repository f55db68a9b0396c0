import { isIPv4, isIPv6 } from 'node:net';

const MAPPED_PREFIX = '::ffff:';

/** An address as people write it: an IPv4 address that a dual-stack socket shows as `::ffff:a.b.c.d` in its own form, and no zone. */
export function plainAddress(address: string): string {
  const text = address.includes('%') ? address.slice(0, address.indexOf('%')) : address;
  return text.startsWith(MAPPED_PREFIX) && text.includes('.') ? text.slice(MAPPED_PREFIX.length) : text;
}

/** The 4 bytes of an IPv4 address (mapped ones too) or the 16 of an IPv6 address; undefined where it is neither. */
export function addressBytes(address: string): Uint8Array | undefined {
  const plain = plainAddress(address);
  if (isIPv4(plain)) {
    return Uint8Array.from(plain.split('.'), Number);
  }
  if (!isIPv6(plain)) {
    return undefined;
  }
  const [before = '', after] = plain.split('::');
  const front = hextets(before);
  const back = after === undefined ? [] : hextets(after);
  const words = [...front, ...Array.from({ length: 8 - front.length - back.length }, () => 0), ...back];
  return Uint8Array.from(words.flatMap((word) => [word >> 8, word & 0xff]));
}

/** The address of 4 or 16 bytes, IPv6 in full without `::`. */
export function addressText(bytes: Uint8Array): string {
  if (bytes.length === 4) {
    return bytes.join('.');
  }
  return Array.from({ length: 8 }, (_, at) => (((bytes[2 * at] ?? 0) << 8) | (bytes[2 * at + 1] ?? 0)).toString(16)).join(':');
}

/** Whether only this machine has the address. */
export function isLoopback(address: string): boolean {
  const plain = plainAddress(address);
  return plain === '::1' || plain.startsWith('127.');
}

/** Whether the address means something on one link only (169.254.0.0/16, fe80::/10). */
export function isLinkLocal(address: string): boolean {
  const plain = plainAddress(address).toLowerCase();
  return plain.startsWith('169.254.') || /^fe[89ab][0-9a-f]:/.test(plain);
}

/** The 16-bit words of one side of `::`; a dotted quad at the end fills two. */
function hextets(text: string): number[] {
  if (text === '') {
    return [];
  }
  return text.split(':').flatMap((part) => {
    if (!part.includes('.')) {
      return [Number.parseInt(part, 16)];
    }
    const [a = 0, b = 0, c = 0, d = 0] = part.split('.').map(Number);
    return [(a << 8) | b, (c << 8) | d];
  });
}
