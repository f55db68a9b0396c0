import { createECDH, createPublicKey, diffieHellman, generateKeyPairSync } from 'node:crypto';

import { MillraceError } from '../../runtime/errors.ts';

/** Groups that are spoken, the preferred one first, with their numbers of RFC 8422, 5.1.1. */
export const NAMED_GROUP = { x25519: 29, secp256r1: 23 } as const;

/** What stands before the 32 bytes of an X25519 key in SubjectPublicKeyInfo, RFC 8410, 4. */
const X25519_PREFIX = Buffer.from('302a300506032b656e032100', 'hex');
const X25519_BYTES = 32;

/** Our public key of an exchange, and the secret that both sides now have. */
export type KeyAgreement = { readonly publicKey: Buffer; readonly secret: Buffer };

/**
 * Agrees on a secret with the holder of a public key, by a key of our own that is used this once.
 *
 * @throws {MillraceError} `rtc/dtls-key` for a group that was not offered, and for a key that is no point of it or would make the secret known.
 */
export function agree(group: number, peerKey: Buffer): KeyAgreement {
  try {
    switch (group) {
      case NAMED_GROUP.x25519:
        return agreeOnX25519(peerKey);
      case NAMED_GROUP.secp256r1:
        return agreeOnP256(peerKey);
    }
  } catch (error) {
    throw new MillraceError('rtc/dtls-key', 'The peer\'s key cannot be used to agree on a secret.', { cause: error });
  }
  throw new MillraceError('rtc/dtls-key', `The peer chose the group ${group}, which was not offered.`);
}

function agreeOnX25519(peerKey: Buffer): KeyAgreement {
  if (peerKey.length !== X25519_BYTES) {
    throw new RangeError(`${peerKey.length} bytes`);
  }
  const { publicKey, privateKey } = generateKeyPairSync('x25519');
  // "Implementations MUST check whether the computed Diffie-Hellman shared secret is the all-zero value": OpenSSL does (RFC 7748, 6.1).
  const secret = diffieHellman({ privateKey, publicKey: createPublicKey({ key: Buffer.concat([X25519_PREFIX, peerKey]), format: 'der', type: 'spki' }) });
  return { publicKey: publicKey.export({ format: 'der', type: 'spki' }).subarray(X25519_PREFIX.length), secret };
}

function agreeOnP256(peerKey: Buffer): KeyAgreement {
  const ecdh = createECDH('prime256v1');
  const publicKey = ecdh.generateKeys();
  // The point is checked to be on the curve, RFC 8422, 5.11.
  return { publicKey, secret: ecdh.computeSecret(peerKey) };
}
