import type { FastPath } from '../native/fast-path.ts';
import type { PacketBatch } from '../packet-batch.ts';

/** The protection profiles we offer in DTLS-SRTP, RFC 7714 (14.2) and RFC 5764 (4.1.2). */
export type SrtpProfile = 'aead-aes-128-gcm' | 'aes128-cm-sha1-80';

/** What DTLS-SRTP agreed on. Keys are 16 bytes; salts 12 for GCM and 14 for counter mode. */
export type SrtpProtectionOptions = {
  readonly profile: SrtpProfile;
  /** Master key and salt of what we send. */
  readonly localKey: Uint8Array;
  readonly localSalt: Uint8Array;
  /** Master key and salt of what the peer sends. */
  readonly remoteKey: Uint8Array;
  readonly remoteSalt: Uint8Array;
  readonly fastPath: FastPath;
};

/** SRTP and SRTCP of one session, both ways. */
export interface SrtpProtection {
  /** Bytes that {@link protect} adds to a packet. */
  readonly overhead: number;
  /** Protects the batch's packets in place; their lengths then include the tags. The batch must have been reset with {@link overhead}. */
  protect(batch: PacketBatch): void;
  /** Protects a compound RTCP packet. The result is a view of a buffer that the thread uses again. */
  protectRtcp(compound: Uint8Array): Uint8Array;
  /** The plain RTP packet, or undefined where it is forged, replayed or malformed. A view of a buffer that the thread uses again. */
  unprotect(packet: Uint8Array): Uint8Array | undefined;
  /** The plain compound RTCP packet, under the same conditions. */
  unprotectRtcp(packet: Uint8Array): Uint8Array | undefined;
  /** Frees keys and native memory. Idempotent; afterwards nothing is protected or accepted. */
  close(): void;
}

/** Makes the protection of one session. */
export function createSrtpProtection(options: SrtpProtectionOptions): SrtpProtection {
  throw new Error(`not yet: ${options.profile}`);
}
