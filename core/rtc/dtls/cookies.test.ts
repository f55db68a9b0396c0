import { randomBytes } from 'node:crypto';

import { describe, expect, it } from 'vitest';

import { Cookies } from './cookies.ts';

const random = randomBytes(32);

describe('a cookie', () => {
  it('is known for that of the address that it was given to, for the hello that it was given for', () => {
    const cookies = new Cookies();
    const [first, second] = [cookies.give('udp/192.0.2.1/1', random), cookies.give('udp/192.0.2.1/2', random)];
    expect(first).toHaveLength(20);
    expect(first).not.toEqual(second);
    expect(cookies.give('udp/192.0.2.1/1', random)).toEqual(first);
    expect(cookies.ownerOf(first, random)).toBe('udp/192.0.2.1/1');
    expect(cookies.ownerOf(second, random)).toBe('udp/192.0.2.1/2');
    expect(cookies.ownerOf(first, randomBytes(32))).toBeUndefined();
  });

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['noise', randomBytes(20)],
    ['another handshake\'s', new Cookies().give('a', random)],
    ['its beginning', undefined],
  ])('is not %s', (_what, cookie) => {
    const cookies = new Cookies();
    const given = cookies.give('a', random);
    expect(cookies.ownerOf(cookie ?? given.subarray(0, 19), random)).toBeUndefined();
  });

  it('is good for the last eight addresses that were asked', () => {
    const cookies = new Cookies();
    const given = Array.from({ length: 9 }, (_, at) => cookies.give(`address ${at}`, random));
    expect(given.map((cookie) => cookies.ownerOf(cookie, random))).toEqual([undefined, ...Array.from({ length: 8 }, (_, at) => `address ${at + 1}`)]);
  });
});
