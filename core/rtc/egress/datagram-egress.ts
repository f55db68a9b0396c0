import type { Socket } from 'node:dgram';

import type { FastPath } from '../native/fast-path.ts';
import type { PacketBatch } from '../packet-batch.ts';

/** Where datagrams go. An IPv4 peer of a dual-stack socket may be given as IPv4 or as `::ffff:a.b.c.d`. */
export type DatagramAddress = { readonly address: string; readonly port: number; readonly family: 'IPv4' | 'IPv6' };

/** What went out and what did not. */
export type EgressCounts = { readonly packets: number; readonly bytes: number; readonly dropped: number; readonly calls: number };

/** The sending half of a UDP socket. */
export interface DatagramEgress {
  /** Whether native code sends. */
  readonly fast: boolean;
  readonly counts: EgressCounts;
  /** Sends each packet of the batch as a datagram; the batch may be used again at once. @returns packets handed over; the others are dropped and counted. Never throws. */
  send(batch: PacketBatch, address: DatagramAddress): number;
  /** Sends one datagram; `bytes` may be used again at once. @returns whether it was handed over. Never throws. */
  sendOne(bytes: Uint8Array, address: DatagramAddress): boolean;
  /** Forgets the socket, which stays open. Idempotent; afterwards everything is dropped. */
  close(): void;
}

/** Makes the sending half of a bound socket. */
export function createDatagramEgress(options: { readonly socket: Socket; readonly fastPath: FastPath }): DatagramEgress {
  throw new Error(`not yet: ${options.fastPath}`);
}
