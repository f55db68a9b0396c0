import type { DatagramAddress, DatagramEgress } from '../egress/datagram-egress.ts';
import { Counts } from '../egress/counts.ts';
import type { PacketBatch } from '../packet-batch.ts';
import type { PeerLink } from '../ports/peer-link.ts';
import { addressOfKey, udpKey } from '../ports/udp-port.ts';
import type { PacketPipe } from './packet-pipe.ts';

/** Sends datagrams through the thread that has the socket. They are counted there. */
export class PipeEgress implements DatagramEgress {
  readonly fast = false;
  readonly counts = new Counts();
  readonly #pipe: PacketPipe;
  #isClosed = false;

  constructor(pipe: PacketPipe) {
    this.#pipe = pipe;
  }

  send(batch: PacketBatch, address: DatagramAddress): number {
    return this.#isClosed ? 0 : sendEach(batch, this.#pipe, udpKey(address));
  }

  sendOne(bytes: Uint8Array, address: DatagramAddress): boolean {
    return !this.#isClosed && this.#pipe.send(udpKey(address), bytes);
  }

  close(): void {
    this.#isClosed = true;
  }
}

/** A TCP connection of the thread that has the ports. Its queue is bounded there. */
export class PipedTcpLink implements PeerLink {
  readonly protocol = 'tcp';
  readonly address: string;
  readonly port: number;
  readonly key: string;
  readonly #pipe: PacketPipe;

  /** `key` as `TcpConnection` makes it. */
  constructor(key: string, pipe: PacketPipe) {
    const { address, port } = addressOfKey(key.slice('tcp/'.length));
    this.address = address;
    this.port = port;
    this.key = key;
    this.#pipe = pipe;
  }

  sendOne(bytes: Uint8Array): boolean {
    return this.#pipe.send(this.key, bytes);
  }

  send(batch: PacketBatch): number {
    return sendEach(batch, this.#pipe, this.key);
  }

  close(): void {}
}

function sendEach(batch: PacketBatch, pipe: PacketPipe, key: string): number {
  let taken = 0;
  for (let packet = 0; packet < batch.count; packet++) {
    const start = batch.starts[packet]!;
    const length = batch.lengths[packet]!;
    if (length > 0 && pipe.send(key, batch.bytes.subarray(start, start + length))) {
      taken += 1;
    }
  }
  return taken;
}
