import { createECDH, createPublicKey, diffieHellman, generateKeyPairSync } from 'node:crypto';

import { describe, expect, it } from 'vitest';

import { createKeyShare, NAMED_GROUP } from './key-agreement.ts';

/** Both halves of an agreement at once. */
function agree(group: number, peerKey: Buffer): { readonly publicKey: Buffer; readonly secret: Buffer } {
  const share = createKeyShare(group);
  return { publicKey: share.publicKey, secret: share.agree(peerKey) };
}

const X25519_PREFIX = Buffer.from('302a300506032b656e032100', 'hex');

describe('the agreement on a secret', () => {
  it('gives both sides the same by X25519', () => {
    const theirs = generateKeyPairSync('x25519');
    const { publicKey, secret } = agree(NAMED_GROUP.x25519, theirs.publicKey.export({ format: 'der', type: 'spki' }).subarray(-32));
    const ours = createPublicKey({ key: Buffer.concat([X25519_PREFIX, publicKey]), format: 'der', type: 'spki' });
    expect(diffieHellman({ privateKey: theirs.privateKey, publicKey: ours })).toEqual(secret);
  });

  it('gives both sides the same by P-256', () => {
    const theirs = createECDH('prime256v1');
    const { publicKey, secret } = agree(NAMED_GROUP.secp256r1, theirs.generateKeys());
    expect(theirs.computeSecret(publicKey)).toEqual(secret);
  });

  it('uses a key once', () => {
    const theirs = createECDH('prime256v1').generateKeys();
    expect(agree(NAMED_GROUP.secp256r1, theirs).publicKey).not.toEqual(agree(NAMED_GROUP.secp256r1, theirs).publicKey);
  });

  it.each<[string, number, Buffer]>([
    ['a point of small order, whose secret everybody knows', NAMED_GROUP.x25519, Buffer.alloc(32)],
    ['too short a key', NAMED_GROUP.x25519, Buffer.alloc(31, 9)],
    ['too long a key', NAMED_GROUP.x25519, Buffer.alloc(33, 9)],
    ['a point off the curve', NAMED_GROUP.secp256r1, Buffer.concat([Buffer.of(4), Buffer.alloc(64, 7)])],
    ['the point at infinity', NAMED_GROUP.secp256r1, Buffer.of(0)],
    ['nothing', NAMED_GROUP.secp256r1, Buffer.alloc(0)],
    ['a group that was not offered', 24, Buffer.alloc(97, 4)],
  ])('refuses %s', (_what, group, key) => {
    expect(() => agree(group, key)).toThrow(expect.objectContaining({ code: 'rtc/dtls-key' }));
  });
});
