import { createCipheriv } from 'node:crypto';

/** What each derived key is for, RFC 3711, 4.3.1 and 4.3.2. */
export const LABEL = {
  rtpEncryption: 0,
  rtpAuthentication: 1,
  rtpSalt: 2,
  rtcpEncryption: 3,
  rtcpAuthentication: 4,
  rtcpSalt: 5,
} as const;

/**
 * Derives a session key with AES in counter mode and a key derivation rate of zero (RFC 3711, 4.3.3): the key stream under
 * the master key from the counter `(salt XOR label * 2^48) * 2^16`.
 *
 * @param salt 14 bytes, or the 12 of AES-GCM, which count as if two zero bytes followed (RFC 7714, 11).
 */
export function deriveKey(masterKey: Uint8Array, salt: Uint8Array, label: number, length: number): Buffer {
  const counter = Buffer.alloc(16);
  counter.set(salt);
  counter[7] = (counter[7] ?? 0) ^ label;
  return createCipheriv('aes-128-ctr', masterKey, counter).update(Buffer.alloc(length));
}
