import { MillraceError } from '../../runtime/errors.ts';
import type { SrtpProfile } from '../srtp/srtp-protection.ts';

/** The keys that DTLS-SRTP agreed on, RFC 5764, 4.2. */
export type SrtpKeys = {
  readonly profile: SrtpProfile;
  readonly localKey: Uint8Array;
  readonly localSalt: Uint8Array;
  readonly remoteKey: Uint8Array;
  readonly remoteSalt: Uint8Array;
};

/** A protection profile with its number in `use_srtp` (RFC 5764, 4.1.2; RFC 7714, 14.2) and the length of its salt. */
export type NumberedProfile = { readonly number: 1 | 7; readonly name: SrtpProfile; readonly saltBytes: number };

/** What is offered and taken, the preferred one first. */
export const SRTP_PROFILES: readonly NumberedProfile[] = [
  { number: 7, name: 'aead-aes-128-gcm', saltBytes: 12 },
  { number: 1, name: 'aes128-cm-sha1-80', saltBytes: 14 },
];

/** Bytes of a master key, in every profile. */
export const SRTP_KEY_BYTES = 16;

/**
 * The profile that a handshake agreed on.
 *
 * @throws {MillraceError} `rtc/dtls-profile` where it agreed on none that is spoken here.
 */
export function agreedProfile(number: number | undefined): NumberedProfile {
  const profile = SRTP_PROFILES.find((one) => one.number === number);
  if (profile === undefined) {
    throw new MillraceError('rtc/dtls-profile', 'The peer offered no SRTP protection profile that is spoken here.');
  }
  return profile;
}
