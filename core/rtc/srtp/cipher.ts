import type { Memory } from '../native/memory.ts';
import { MAX_BATCH_PACKETS, type PacketBatch } from '../packet-batch.ts';

/** What protection needs to know of each packet of a batch. One per thread, filled anew for each batch. */
export class BatchPlan {
  /** Where the payload begins, from the packet's start; 0: leave the packet alone. */
  readonly payloadOffsets = new Uint32Array(MAX_BATCH_PACKETS);
  readonly ssrcs = new Uint32Array(MAX_BATCH_PACKETS);
  readonly rollovers = new Uint32Array(MAX_BATCH_PACKETS);
  readonly sequenceNumbers = new Uint32Array(MAX_BATCH_PACKETS);
}

/** One packet that came in: at the start of its memory. */
export type Incoming = {
  readonly memory: Memory;
  /** Bytes, the tag included. */
  readonly length: number;
  readonly payloadOffset: number;
  readonly ssrc: number;
  readonly rollover: number;
  readonly sequenceNumber: number;
};

/** One SRTCP packet at the start of its memory. */
export type Control = {
  readonly memory: Memory;
  /** Bytes of the plain compound packet. */
  readonly length: number;
  readonly ssrc: number;
  /** The 31-bit SRTCP index, RFC 3711, 3.4. */
  readonly index: number;
};

/** A profile's work in one direction. All of it happens in place. */
export interface Sealer {
  /** Encrypts and tags the planned packets of a batch. @returns false where something failed: none may be sent. */
  rtp(batch: PacketBatch, memory: Memory, plan: BatchPlan): boolean;
  /** Encrypts a compound packet and appends what its profile appends. @returns the new length, 0 where it failed. */
  rtcp(packet: Control): number;
  close(): void;
}

/** The same backwards: what does not authenticate is left alone or void, never given out. */
export interface Opener {
  rtp(packet: Incoming): boolean;
  /** `length` is that of the plain packet; `encrypted` is the E bit. */
  rtcp(packet: Control, encrypted: boolean): boolean;
  /** Where the E bit and the SRTCP index are in a protected compound packet of so many bytes. */
  indexAt(length: number): number;
  close(): void;
}

/** The E bit before the SRTCP index: the packet is encrypted. */
export const E_BIT = 0x8000_0000;
