import type { PacketBatch } from '../packet-batch.ts';

import type { EgressCounts } from './counts.ts';
import type { DatagramAddress } from './socket-address.ts';

/** The sending half of a UDP socket. */
export interface DatagramEgress {
  /** Whether native code sends. */
  readonly fast: boolean;
  readonly counts: EgressCounts;
  /**
   * Sends each packet of the batch as a datagram, packets of length 0 left out; the batch may be used again at once. Pass the same
   * object for as long as the address is the same: what the kernel needs of it is kept by it.
   *
   * @returns packets handed over; the others are dropped and counted. Never throws, never waits.
   */
  send(batch: PacketBatch, address: DatagramAddress): number;
  /** Sends one datagram; `bytes` may be used again at once. @returns whether it was handed over. Never throws, never waits. */
  sendOne(bytes: Uint8Array, address: DatagramAddress): boolean;
  /** Forgets the socket, which stays open. Idempotent; afterwards everything is dropped. */
  close(): void;
}
