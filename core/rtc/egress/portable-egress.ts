import type { Socket, SocketOptions } from 'node:dgram';
import { isIP } from 'node:net';
import { lookup } from 'node:dns';

import type { PacketBatch } from '../packet-batch.ts';

import { Counts, type EgressCounts } from './counts.ts';
import type { DatagramEgress } from './egress.ts';
import { addressFor, type DatagramAddress, type SocketFamily } from './socket-address.ts';

/** Bytes that may wait in the socket for the kernel to take them: a quarter of a second of 100 viewers at 1 Mbit/s. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;

/** Bytes that copies are cut from: one buffer for each batch costs half a microsecond more per packet. */
const SLAB_BYTES = 256 * 1024;

/**
 * `lookup` for a socket that is given addresses, not names: it answers at once, where the default waits for the next tick, at a
 * fifth of a portable send's cost. A socket made with it may tell `listening` before `bind` returns.
 */
export const numericLookup: NonNullable<SocketOptions['lookup']> = (host, options, callback) => {
  const family = isIP(host);
  if (family === 0) {
    lookup(host, options, callback);
  } else {
    callback(null, host, family);
  }
};

/** Sends with `node:dgram`, datagram by datagram. */
export class PortableEgress implements DatagramEgress {
  readonly fast = false;
  readonly #socket: Socket;
  readonly #family: SocketFamily;
  readonly #counts: Counts;
  #slab = Buffer.alloc(0);
  #used = 0;
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
    const bytes = this.#copy(batch.bytes.subarray(0, batch.byteLength));
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
    return this.#hand(this.#copy(bytes), this.#target(address), address.port);
  }

  close(): void {
    this.#closed = true;
    this.#slab = Buffer.alloc(0);
  }

  /** A copy that nobody writes to again. A slab lives for as long as the socket holds a part of it. */
  #copy(bytes: Uint8Array): Buffer {
    if (this.#closed || bytes.length > SLAB_BYTES) {
      return Buffer.from(bytes);
    }
    if (this.#used + bytes.length > this.#slab.length) {
      this.#slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
      this.#used = 0;
    }
    const at = this.#used;
    this.#used += bytes.length;
    this.#slab.set(bytes, at);
    return this.#slab.subarray(at, this.#used);
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
