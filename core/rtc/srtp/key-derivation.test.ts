import { createCipheriv } from 'node:crypto';

import { expect, test } from 'vitest';

import { LABEL, deriveKey } from './key-derivation.ts';

const masterKey = Buffer.from('E1F97A0D3E018BE0D64FA32C06DE4139', 'hex');
const masterSalt = Buffer.from('0EC675AD498AFEEBB6960B3AABE6', 'hex');

test.each([
  ['the cipher key', LABEL.rtpEncryption, 16, 'C61E7A93744F39EE10734AFE3FF7A087'],
  ['the cipher salt', LABEL.rtpSalt, 14, '30CBBC08863D8C85D49DB34A9AE1'],
  [
    'the authentication key',
    LABEL.rtpAuthentication,
    94,
    'CEBE321F6FF7716B6FD4AB49AF256A156D38BAA48F0A0ACF3C34E2359E6CDBCEE049646C43D9327AD175578EF72270986371C10C9A369AC2F94A8C5FBCDDDC256D6E919A48B610EF17C2041E474035766B68642C59BBFC2F34DB60DBDFB2',
  ],
])('derives %s of RFC 3711, B.3', (_, label, length, expected) => {
  expect(deriveKey(masterKey, masterSalt, label, length).toString('hex').toUpperCase()).toBe(expected);
});

test('a salt of 12 bytes counts as if two zero bytes followed, RFC 7714, 11', () => {
  const salt = masterSalt.subarray(0, 12);
  expect(deriveKey(masterKey, salt, LABEL.rtcpSalt, 12)).toEqual(deriveKey(masterKey, Buffer.concat([salt, Buffer.alloc(2)]), LABEL.rtcpSalt, 12));
  const counter = Buffer.concat([salt, Buffer.alloc(4)]);
  counter[7] = (counter[7] ?? 0) ^ 5;
  expect(deriveKey(masterKey, salt, LABEL.rtcpSalt, 12)).toEqual(createCipheriv('aes-128-ctr', masterKey, counter).update(Buffer.alloc(12)));
});
