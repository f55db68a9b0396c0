import { createECDH, createPublicKey, diffieHellman, generateKeyPairSync } from 'node:crypto';

import { MillraceError } from '../../runtime/errors.ts';

/** Groups that are spoken, the preferred one first, with their numbers of RFC 8422, 5.1.1. */
export const NAMED_GROUP = { x25519: 29, secp256r1: 23 } as const;

/** What stands before the 32 bytes of an X25519 key in SubjectPublicKeyInfo, RFC 8410, 4. */
const X25519_PREFIX = Buffer.from('302a300506032b656e032100', 'hex');
const X25519_BYTES = 32;

/** A key of ours that is used this once. */
export interface KeyShare {
  readonly publicKey: Buffer;
  /**
   * The secret that both sides now have.
   *
   * @throws {MillraceError} `rtc/dtls-key` for a key that is no point of the group or would make the secret known.
   */
  agree(peerKey: Buffer): Buffer;
}

/**
 * Makes a key for one exchange.
 *
 * @throws {MillraceError} `rtc/dtls-key` for a group that is not spoken.
 */
export function createKeyShare(group: number): KeyShare {
  switch (group) {
    case NAMED_GROUP.x25519:
      return createX25519Share();
    case NAMED_GROUP.secp256r1:
      return createP256Share();
    default:
      throw new MillraceError('rtc/dtls-key', `The peer chose the group ${group}, which was not offered.`);
  }
}

function createX25519Share(): KeyShare {
  const { publicKey, privateKey } = generateKeyPairSync('x25519');
  return {
    publicKey: publicKey.export({ format: 'der', type: 'spki' }).subarray(X25519_PREFIX.length),
    agree: (peerKey) =>
      usable(() => {
        if (peerKey.length !== X25519_BYTES) {
          throw new RangeError(`${peerKey.length} bytes`);
        }
        // "Implementations MUST check whether the computed Diffie-Hellman shared secret is the all-zero value": OpenSSL does (RFC 7748, 6.1).
        return diffieHellman({ privateKey, publicKey: createPublicKey({ key: Buffer.concat([X25519_PREFIX, peerKey]), format: 'der', type: 'spki' }) });
      }),
  };
}

function createP256Share(): KeyShare {
  const ecdh = createECDH('prime256v1');
  // The point is checked to be on the curve, RFC 8422, 5.11.
  return { publicKey: ecdh.generateKeys(), agree: (peerKey) => usable(() => ecdh.computeSecret(peerKey)) };
}

function usable(agree: () => Buffer): Buffer {
  try {
    return agree();
  } catch (error) {
    throw new MillraceError('rtc/dtls-key', 'The peer\'s key cannot be used to agree on a secret.', { cause: error });
  }
}
