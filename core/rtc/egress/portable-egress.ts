import type { Socket } from 'node:dgram';

import type { PacketBatch } from '../packet-batch.ts';

import { Counts, type EgressCounts } from './counts.ts';
import type { DatagramEgress } from './datagram-egress.ts';
import { addressFor, type DatagramAddress, type SocketFamily } from './socket-address.ts';

/** Bytes that may wait in the socket for the kernel to take them: a quarter of a second of 100 viewers at 1 Mbit/s. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;

/** Sends with `node:dgram`, datagram by datagram. */
export class PortableEgress implements DatagramEgress {
  readonly fast = false;
  readonly #socket: Socket;
  readonly #family: SocketFamily;
  readonly #counts: Counts;
  #closed = false;

  constructor(socket: Socket, family: SocketFamily, counts = new Counts()) {
    this.#socket = socket;
    this.#family = family;
    this.#counts = counts;
  }

  get counts(): EgressCounts {
    return this.#counts;
  }

  send(batch: PacketBatch, address: DatagramAddress): number {
    // The socket keeps what it is given until it is sent, on a later tick: one copy serves the batch.
    const bytes = Buffer.from(batch.bytes.subarray(0, batch.byteLength));
    const to = this.#target(address);
    let handed = 0;
    for (let i = 0; i < batch.count; i += 1) {
      const start = batch.starts[i] ?? 0;
      const length = batch.lengths[i] ?? 0;
      if (length > 0 && this.#hand(bytes.subarray(start, start + length), to, address.port)) {
        handed += 1;
      }
    }
    return handed;
  }

  sendOne(bytes: Uint8Array, address: DatagramAddress): boolean {
    return this.#hand(Buffer.from(bytes), this.#target(address), address.port);
  }

  close(): void {
    this.#closed = true;
  }

  /** The address for this socket; undefined where nothing more is to be sent to it. */
  #target({ address }: DatagramAddress): string | undefined {
    try {
      return this.#closed || this.#socket.getSendQueueSize() > MAX_WAITING_BYTES ? undefined : addressFor(this.#family, address);
    } catch {
      // The socket is closed.
      return undefined;
    }
  }

  #hand(bytes: Buffer, address: string | undefined, port: number): boolean {
    if (address === undefined) {
      this.#counts.dropped += 1;
      return false;
    }
    try {
      // Without a callback Node forgets what the kernel refuses, which costs the packet alone.
      this.#socket.send(bytes, port, address);
    } catch {
      this.#counts.dropped += 1;
      return false;
    }
    this.#counts.handed(1, bytes.length);
    this.#counts.calls += 1;
    return true;
  }
}
