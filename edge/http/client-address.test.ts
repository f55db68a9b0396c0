import { expect, test } from 'vitest';

import { addressReader, type TrustProxy } from './client-address.ts';

const cases: readonly (readonly [trust: TrustProxy, remote: string, forwarded: string | undefined, expected: string])[] = [
  [false, '::ffff:192.0.2.1', '203.0.113.7', '192.0.2.1'],
  [true, '127.0.0.1', undefined, '127.0.0.1'],
  [true, '127.0.0.1', '198.51.100.9, 203.0.113.7', '203.0.113.7'],
  [true, '127.0.0.1', 'unknown', '127.0.0.1'],
  [true, '127.0.0.1', '[2001:db8::1]:4711', '2001:db8::1'],
  [true, '127.0.0.1', '203.0.113.7:4711', '203.0.113.7'],
  ['10.0.0.0/8, 192.0.2.1', '192.0.2.1', '203.0.113.7, 10.1.2.3', '203.0.113.7'],
  ['10.0.0.0/8', '192.0.2.1', '203.0.113.7', '192.0.2.1'],
  ['10.0.0.0/8', '10.0.0.1', '203.0.113.7, 198.51.100.9', '198.51.100.9'],
  ['2001:db8::/32', '2001:db8::1', '203.0.113.7', '203.0.113.7'],
];

test.each(cases)('trustProxy %j, from %s, X-Forwarded-For %j: %s', (trust, remote, forwarded, expected) => {
  expect(addressReader(trust)(remote, forwarded)).toBe(expected);
});

test('a list with something else in it is refused', () => {
  expect(() => addressReader('10.0.0.0/8, loopback')).toThrow(RangeError);
});
