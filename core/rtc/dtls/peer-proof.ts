import { createHash, createHmac, timingSafeEqual, verify, X509Certificate } from 'node:crypto';

import { MillraceError } from '../../runtime/errors.ts';
import type { Fingerprint } from '../transport.ts';
import { matchesFingerprint } from './fingerprint.ts';

/** Signature schemes that we ask for in CertificateRequest, with the keys they belong to. */
const SCHEMES: Readonly<Record<number, string>> = { 0x0403: 'ec', 0x0401: 'rsa' };
const VERIFY_DATA_BYTES = 12;

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
 * Checks that the peer holds the certificate's key: its signature over all messages so far, RFC 5246, 7.4.8.
 *
 * @throws {MillraceError} `rtc/dtls-certificate`.
 */
export function checkCertificateVerify(body: Buffer, der: Buffer, transcript: Buffer): void {
  const keyType = body.length < 4 ? undefined : SCHEMES[body.readUInt16BE(0)];
  const key = publicKeyOf(der);
  if (keyType === undefined || key.asymmetricKeyType !== keyType || 4 + body.readUInt16BE(2) !== body.length || !verify('sha256', transcript, key, body.subarray(4))) {
    throw new MillraceError('rtc/dtls-certificate', 'The peer did not prove that the certificate is its own.');
  }
}

/** Whether a client's Finished was made with the master secret over all messages so far, RFC 5246, 7.4.9. In constant time. */
export function isClientFinished(verifyData: Buffer, masterSecret: Uint8Array, transcript: Buffer): boolean {
  const seed = Buffer.concat([Buffer.from('client finished'), createHash('sha256').update(transcript).digest()]);
  // P_SHA256, RFC 5246, 5: A(1) = HMAC(secret, seed); the first 32 bytes are HMAC(secret, A(1) + seed).
  const a1 = createHmac('sha256', masterSecret).update(seed).digest();
  const expected = createHmac('sha256', masterSecret).update(a1).update(seed).digest().subarray(0, VERIFY_DATA_BYTES);
  return verifyData.length === VERIFY_DATA_BYTES && timingSafeEqual(verifyData, expected);
}

function publicKeyOf(der: Buffer): X509Certificate['publicKey'] {
  try {
    return new X509Certificate(der).publicKey;
  } catch (error) {
    throw new MillraceError('rtc/dtls-certificate', 'The peer\'s certificate cannot be read.', { cause: error });
  }
}
