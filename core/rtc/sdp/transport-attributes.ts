import type { Fingerprint } from '../transport.ts';
import { malformed } from './errors.ts';

/** RFC 8839, 5.4: `ice-char`, of the fragment 4 to 256, of the password 22 to 256. */
const ufragPattern = /^[A-Za-z0-9+/]{4,256}$/;
const pwdPattern = /^[A-Za-z0-9+/]{22,256}$/;

/** Bytes of the digests that RFC 8122, 5 names and that are safe; sha-1 and MD are not. */
const digestLengths: ReadonlyMap<string, number> = new Map([
  ['sha-256', 32],
  ['sha-384', 48],
  ['sha-512', 64],
]);

/** @throws {MillraceError} `sdp/malformed`. */
export function readUfrag(value: string): string {
  const ufrag = value.trim();
  if (!ufragPattern.test(ufrag)) {
    throw malformed('a=ice-ufrag must be 4 to 256 of the characters A-Z a-z 0-9 + /.');
  }
  return ufrag;
}

/** @throws {MillraceError} `sdp/malformed`. */
export function readPwd(value: string): string {
  const pwd = value.trim();
  if (!pwdPattern.test(pwd)) {
    throw malformed('a=ice-pwd must be 22 to 256 of the characters A-Z a-z 0-9 + /.');
  }
  return pwd;
}

/**
 * Reads `a=fingerprint` (RFC 8122, 5).
 *
 * @returns undefined where the hash function is none that is accepted: another line may name one that is.
 * @throws {MillraceError} `sdp/malformed` where it is accepted but the digest is not one.
 */
export function readFingerprint(value: string): Fingerprint | undefined {
  const space = value.indexOf(' ');
  const algorithm = value.slice(0, Math.max(space, 0)).toLowerCase();
  const length = digestLengths.get(algorithm);
  if (length === undefined) {
    return undefined;
  }
  const digest = value.slice(space + 1).trim().toUpperCase();
  if (digest.length !== 3 * length - 1 || !/^[0-9A-F]{2}(:[0-9A-F]{2})*$/.test(digest)) {
    throw malformed(`a=fingerprint:${algorithm} must be ${length} bytes in hexadecimal with colons between.`);
  }
  return { algorithm, value: digest };
}
