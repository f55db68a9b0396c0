import { timingSafeEqual, verify, X509Certificate } from 'node:crypto';

import { MillraceError } from '../../runtime/errors.ts';
import type { Fingerprint } from '../transport.ts';
import { matchesFingerprint } from './fingerprint.ts';
import { verifyData } from './prf.ts';

/** Signature schemes that we ask for, with the keys they belong to: `ecdsa_secp256r1_sha256` and `rsa_pkcs1_sha256`. */
export const SIGNATURE_SCHEMES: ReadonlyMap<number, 'ec' | 'rsa'> = new Map([[0x0403, 'ec'], [0x0401, 'rsa']]);

/**
 * The first certificate of a Certificate message, checked against what the peer's description announced, RFC 8827, 6.5.
 *
 * @throws {MillraceError} `rtc/dtls-certificate` where there is none or it is another.
 */
export function announcedCertificate(body: Buffer, fingerprints: readonly Fingerprint[]): Buffer {
  const length = body.length < 6 ? 0 : body.readUIntBE(3, 3);
  if (length === 0 || 6 + length > body.length) {
    throw new MillraceError('rtc/dtls-certificate', 'The peer showed no certificate.');
  }
  const der = body.subarray(6, 6 + length);
  if (!matchesFingerprint(der, fingerprints)) {
    throw new MillraceError('rtc/dtls-certificate', 'The peer\'s certificate is not the one whose fingerprint it announced.');
  }
  return der;
}

/**
 * Checks that the peer holds the certificate's key, by what it signed: all messages so far in a client's CertificateVerify (RFC 5246,
 * 7.4.8), both randoms and its key in a ServerKeyExchange (RFC 8422, 5.4).
 *
 * ```
 * | scheme (16) | length (16) | signature |
 * ```
 *
 * @param signature with its scheme and length; nothing may follow.
 * @param keyType that the cipher suite demands; any that was asked for where it demands none.
 * @throws {MillraceError} `rtc/dtls-certificate`.
 */
export function checkSignature(signature: Buffer, der: Buffer, signed: Uint8Array, keyType?: 'ec' | 'rsa'): void {
  const schemeType = signature.length < 4 ? undefined : SIGNATURE_SCHEMES.get(signature.readUInt16BE(0));
  const key = publicKeyOf(der);
  const isExpected = schemeType !== undefined && key.asymmetricKeyType === schemeType && (keyType ?? schemeType) === schemeType;
  if (!isExpected || 4 + signature.readUInt16BE(2) !== signature.length || !verify('sha256', signed, key, signature.subarray(4))) {
    throw new MillraceError('rtc/dtls-certificate', 'The peer did not prove that the certificate is its own.');
  }
}

/** Whether a Finished was made with the master secret over all messages so far, RFC 5246, 7.4.9. In constant time. */
export function isFinishedOf(side: 'client' | 'server', body: Buffer, masterSecret: Uint8Array, transcript: Buffer): boolean {
  const expected = verifyData(side, masterSecret, transcript);
  return body.length === expected.length && timingSafeEqual(body, expected);
}

function publicKeyOf(der: Buffer): X509Certificate['publicKey'] {
  try {
    return new X509Certificate(der).publicKey;
  } catch (error) {
    throw new MillraceError('rtc/dtls-certificate', 'The peer\'s certificate cannot be read.', { cause: error });
  }
}
