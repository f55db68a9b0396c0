import { describe, expect, it } from 'vitest';

import { addressBytes, addressText, isLinkLocal, isLoopback, plainAddress } from './address.ts';

describe('addresses', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1', 'c0000201'],
    ['::ffff:192.0.2.1', '192.0.2.1', 'c0000201'],
    ['::', '::', '0'.repeat(32)],
    ['::1', '::1', `${'0'.repeat(31)}1`],
    ['2001:db8::1', '2001:db8::1', '20010db8000000000000000000000001'],
    ['fe80::1%eth0', 'fe80::1', 'fe800000000000000000000000000001'],
    ['1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8', '00010002000300040005000600070008'],
    ['64:ff9b::192.0.2.1', '64:ff9b::192.0.2.1', '0064ff9b0000000000000000c0000201'],
  ])('%s is %s', (address, plain, hex) => {
    expect(plainAddress(address)).toBe(plain);
    expect(Buffer.from(addressBytes(address)!).toString('hex')).toBe(hex);
    expect(Buffer.from(addressBytes(addressText(Buffer.from(hex, 'hex')))!).toString('hex')).toBe(hex);
  });

  it('are nothing else', () => {
    expect(['', 'localhost', '1.2.3', '1::2::3', 'g::1'].map(addressBytes)).toEqual(Array(5).fill(undefined));
  });

  it('are known for their reach', () => {
    expect(['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1', '192.0.2.1', '::2'].map(isLoopback)).toEqual([true, true, true, true, false, false]);
    expect(['169.254.0.1', 'fe80::1', 'febf::1', 'fec0::1', '192.0.2.1'].map(isLinkLocal)).toEqual([true, true, true, false, false]);
  });
});
