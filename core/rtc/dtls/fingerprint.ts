import { createHash } from 'node:crypto';

import type { Fingerprint } from '../transport.ts';

/** Hash functions of RFC 8122, 5 that still hold. SHA-1 and MD do not. */
const HASHES: Readonly<Record<string, string>> = { 'sha-256': 'sha256', 'sha-384': 'sha384', 'sha-512': 'sha512' };
const HASH_BYTES: Readonly<Record<string, number>> = { 'sha-256': 32, 'sha-384': 48, 'sha-512': 64 };

/** The fingerprint of a certificate in DER. */
export function fingerprintOfCertificate(der: Uint8Array, algorithm = 'sha-256'): Fingerprint {
  const hex = createHash(HASHES[algorithm] ?? 'sha256').update(der).digest('hex').toUpperCase();
  return { algorithm, value: hex.replace(/(..)(?!$)/g, '$1:') };
}

/** Whether a certificate could ever match this: a hash that is accepted, and as many bytes as it has. */
export function isUsableFingerprint({ algorithm, value }: Fingerprint): boolean {
  const bytes = HASH_BYTES[algorithm.toLowerCase()];
  return bytes !== undefined && value.length === bytes * 3 - 1 && /^[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2})*$/.test(value);
}

/** Whether a certificate is the one that a description announced. */
export function matchesFingerprint(der: Uint8Array, fingerprints: readonly Fingerprint[]): boolean {
  return fingerprints.some(
    (announced) => isUsableFingerprint(announced) && fingerprintOfCertificate(der, announced.algorithm.toLowerCase()).value === announced.value.toUpperCase(),
  );
}
