import type { PacketBatch } from '../packet-batch.ts';

/** SRTP and SRTCP of one session, both ways. */
export interface SrtpProtection {
  /** Bytes that {@link protect} adds to a packet: 16 with AES-GCM, 10 with HMAC-SHA1-80. */
  readonly overhead: number;
  /**
   * Protects the batch's packets in place; their lengths then include the tags. The batch must have been reset with
   * {@link overhead}. A packet that must not go out has length 0 afterwards: what is no RTP, everything after
   * {@link close}, and under a sequence number already used anything but the very same packet, header extensions
   * included, among the last 512 of its stream: two packets under one AES-GCM vector give the key away. Never throws.
   */
  protect(batch: PacketBatch): void;
  /** Protects a compound RTCP packet. The result is a view of a buffer that the thread uses again; empty where there was nothing to protect. Never throws. */
  protectRtcp(compound: Uint8Array): Uint8Array;
  /** The plain RTP packet, or undefined where it is forged, replayed or malformed. A view of a buffer that the thread uses again. Never throws. */
  unprotect(packet: Uint8Array): Uint8Array | undefined;
  /** The plain compound RTCP packet, under the same conditions. */
  unprotectRtcp(packet: Uint8Array): Uint8Array | undefined;
  /** Frees keys and native memory. Idempotent; afterwards nothing is protected or accepted. */
  close(): void;
}
