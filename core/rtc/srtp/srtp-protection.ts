import type { FastPath } from '../native/fast-path.ts';

import { CounterModeOpener, CounterModeSealer, MAC_TAG, counterModeKeys } from './counter-mode.ts';
import { GCM_TAG, type EngineMaker } from './engine.ts';
import { fastEngines } from './fast-engines.ts';
import { GcmOpener, GcmSealer, gcmKeys } from './gcm.ts';
import { portableEngines } from './portable-engines.ts';
import type { SrtpProtection } from './protection.ts';
import { SessionProtection } from './session-protection.ts';

export type { SrtpProtection } from './protection.ts';

/** The protection profiles we offer in DTLS-SRTP, RFC 7714 (14.2) and RFC 5764 (4.1.2). */
export type SrtpProfile = 'aead-aes-128-gcm' | 'aes128-cm-sha1-80';

/** What DTLS-SRTP agreed on. Keys are 16 bytes; salts 12 for GCM and 14 for counter mode. */
export type SrtpKeys = {
  readonly profile: SrtpProfile;
  /** Master key and salt of what we send. */
  readonly localKey: Uint8Array;
  readonly localSalt: Uint8Array;
  /** Master key and salt of what the peer sends. */
  readonly remoteKey: Uint8Array;
  readonly remoteSalt: Uint8Array;
};

/** Options of {@link createSrtpProtection}. */
export type SrtpProtectionOptions = SrtpKeys & {
  /** `auto` takes OpenSSL's own functions where they work; `off` keeps to `node:crypto`. The bytes are the same. */
  readonly fastPath: FastPath;
};

/**
 * Makes the protection of one session.
 *
 * @throws {TypeError} where keys or salts have lengths that the profile cannot have.
 */
export function createSrtpProtection(options: SrtpProtectionOptions): SrtpProtection {
  const fast = options.fastPath === 'auto' ? fastEngines().engines : undefined;
  return protectionWith(options, fast ?? portableEngines);
}

/** The same with given engines. */
export function protectionWith(keys: SrtpKeys, engines: EngineMaker): SrtpProtection {
  const gcm = keys.profile === 'aead-aes-128-gcm';
  const salt = gcm ? 12 : 14;
  if ([keys.localKey, keys.remoteKey].some((key) => key.length !== 16) || [keys.localSalt, keys.remoteSalt].some(({ length }) => length !== salt)) {
    throw new TypeError(`${keys.profile} takes keys of 16 bytes and salts of ${salt}`);
  }
  return new SessionProtection(
    gcm
      ? {
          tagLength: GCM_TAG,
          sealer: new GcmSealer(gcmKeys(keys.localKey, keys.localSalt), engines),
          opener: new GcmOpener(gcmKeys(keys.remoteKey, keys.remoteSalt), engines),
        }
      : {
          tagLength: MAC_TAG,
          sealer: new CounterModeSealer(counterModeKeys(keys.localKey, keys.localSalt), engines),
          opener: new CounterModeOpener(counterModeKeys(keys.remoteKey, keys.remoteSalt), engines),
        },
  );
}
