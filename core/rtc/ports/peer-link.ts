import type { PacketBatch } from '../packet-batch.ts';

/** One remote address: UDP's, or a TCP connection. */
export interface PeerLink {
  readonly protocol: 'udp' | 'tcp';
  /** In its plain form (`plainAddress`). */
  readonly address: string;
  readonly port: number;
  /** Names the address among all others. */
  readonly key: string;
  /** Sends one packet; `bytes` may be used again at once. @returns whether it was taken. Never throws. */
  sendOne(bytes: Uint8Array): boolean;
  /** Sends the batch's packets. @returns how many were taken. Never throws. */
  send(batch: PacketBatch): number;
  /** Lets go of the connection, after what is written, where there is one. */
  close(): void;
}
