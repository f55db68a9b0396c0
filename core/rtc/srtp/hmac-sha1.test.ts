import { createHmac } from 'node:crypto';

import { expect, test } from 'vitest';

import { Memory } from '../native/memory.ts';

import { HmacSha1 } from './hmac-sha1.ts';

const bytes = (length: number): Buffer => Buffer.from(Array.from({ length }, (_, i) => (i * 73 + length) & 0xff));

test('gives the digests of node:crypto for keys and messages of every length around a block', () => {
  for (const keyLength of [0, 1, 10, 20, 63, 64]) {
    const key = bytes(keyLength);
    const mac = new HmacSha1(key);
    for (const length of [0, 1, 54, 55, 56, 63, 64, 65, 119, 120, 1204, 65_507]) {
      const text = new Memory(Buffer.concat([Buffer.from([1, 2, 3]), bytes(length)]));
      expect(Buffer.from(mac.digest(text, 3, length)), `${keyLength}, ${length}`).toEqual(createHmac('sha1', key).update(bytes(length)).digest());
    }
  }
});

test('a key longer than a block is refused', () => {
  expect(() => new HmacSha1(bytes(65))).toThrow(RangeError);
});
