import { expect, test } from 'vitest';

import { addressFor, sockaddr, type SocketFamily } from './socket-address.ts';

const hex = (family: SocketFamily, address: string, port = 8189): string | undefined => {
  const bytes = sockaddr(family, { address, port, family: address.includes(':') ? 'IPv6' : 'IPv4' });
  return bytes === undefined ? undefined : Buffer.from(bytes).toString('hex');
};

test.each<[SocketFamily, string, string | undefined]>([
  ['udp4', '192.0.2.1', '02001ffdc00002010000000000000000'],
  ['udp4', '::ffff:192.0.2.1', '02001ffdc00002010000000000000000'],
  ['udp4', '2001:db8::1', undefined],
  ['udp6', '2001:db8::1', '0a001ffd0000000020010db800000000000000000000000100000000'],
  ['udp6', '::1', '0a001ffd000000000000000000000000000000000000000100000000'],
  ['udp6', '::', '0a001ffd000000000000000000000000000000000000000000000000'],
  ['udp6', '1:2:3:4:5:6:7:8', '0a001ffd000000000001000200030004000500060007000800000000'],
  ['udp6', 'fe80::', '0a001ffd00000000fe80000000000000000000000000000000000000'],
  ['udp6', '64:ff9b::192.0.2.33', '0a001ffd000000000064ff9b0000000000000000c000022100000000'],
  ['udp6', '192.0.2.1', '0a001ffd0000000000000000000000000000ffffc000020100000000'],
  ['udp6', '::FFFF:192.0.2.1', '0a001ffd0000000000000000000000000000ffffc000020100000000'],
  ['udp6', 'fe80::1%eth0', undefined],
  ['udp6', 'example.com', undefined],
  ['udp4', '1.2.3', undefined],
])('%s to %s', (family, address, expected) => {
  expect(hex(family, address)).toBe(expected);
});

test('a port that is none is refused', () => {
  for (const port of [0, -1, 65_536, 1.5, Number.NaN]) {
    expect(hex('udp4', '192.0.2.1', port)).toBeUndefined();
  }
});

test('a zone stays for the portable way', () => {
  expect(addressFor('udp6', 'fe80::1%eth0')).toBe('fe80::1%eth0');
});
