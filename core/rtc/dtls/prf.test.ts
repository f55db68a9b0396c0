import { describe, expect, it } from 'vitest';

import { isFinishedOf } from './peer-proof.ts';
import { prf, verifyData } from './prf.ts';

const hex = (text: string): Buffer => Buffer.from(text, 'hex');

describe('the pseudo-random function of TLS 1.2', () => {
  it('gives what the vector for SHA-256 says, cut anywhere', () => {
    const [secret, seed] = [hex('9bbe436ba940f017b17652849a71db35'), hex('a0ba9f936cda311827a6f796ffd5198c')];
    const expected = hex(
      'e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a6b301791e90d35c9c9a46b4e14baf9af0fa022f7077def17abfd3797c0564bab4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff70187347b66',
    );
    expect(prf(secret, 'test label', seed, 100)).toEqual(expected);
    expect(prf(secret, 'test label', seed, 33)).toEqual(expected.subarray(0, 33));
  });

  it('tells one side\'s Finished from the other\'s, and from that of another handshake', () => {
    const [secret, transcript] = [hex('01'.repeat(48)), Buffer.from('all messages so far')];
    const finished = verifyData('server', secret, transcript);
    expect(finished).toHaveLength(12);
    expect(isFinishedOf('server', finished, secret, transcript)).toBe(true);
    expect(isFinishedOf('client', finished, secret, transcript)).toBe(false);
    expect(isFinishedOf('server', finished, secret, Buffer.from('others'))).toBe(false);
    expect(isFinishedOf('server', finished, hex('02'.repeat(48)), transcript)).toBe(false);
    expect(isFinishedOf('server', finished.subarray(0, 11), secret, transcript)).toBe(false);
  });
});
