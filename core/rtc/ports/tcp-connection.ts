import type { Socket } from 'node:net';

import type { PacketBatch } from '../packet-batch.ts';
import { plainAddress } from './address.ts';
import { FrameReader, writeFrame } from './frame-reader.ts';
import type { PeerLink } from './peer-link.ts';

/**
 * Bytes that wait for a slow peer: a second at 2 Mbit/s. What comes beyond is dropped as a full queue of a router would, so that
 * the estimate sees it and the delay stays bounded.
 */
const MAX_QUEUED_BYTES = 256 * 1024;

/** What a connection tells its port. */
export type TcpConnectionEvents = {
  readonly frame: (connection: TcpConnection, bytes: Buffer) => void;
  /** Packets that found the queue full. */
  readonly dropped: (packets: number) => void;
  readonly closed: (connection: TcpConnection) => void;
};

/** One TCP connection of a peer: frames of RFC 4571 both ways, with a bounded queue. */
export class TcpConnection implements PeerLink {
  readonly protocol = 'tcp';
  readonly address: string;
  readonly port: number;
  readonly key: string;
  readonly #socket: Socket;
  readonly #events: TcpConnectionEvents;

  constructor(socket: Socket, events: TcpConnectionEvents) {
    this.#socket = socket;
    this.#events = events;
    this.address = plainAddress(socket.remoteAddress ?? '');
    this.port = socket.remotePort ?? 0;
    this.key = `tcp/${this.address}/${this.port}`;
    const reader = new FrameReader();
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => {
      if (!reader.push(chunk, (bytes) => this.#events.frame(this, bytes))) {
        socket.destroy();
      }
    });
    socket.on('error', () => socket.destroy());
    socket.on('end', () => socket.destroy());
    socket.on('close', () => this.#events.closed(this));
  }

  sendOne(bytes: Uint8Array): boolean {
    if (!this.#takes(bytes.length + 2)) {
      this.#events.dropped(1);
      return false;
    }
    this.#socket.write(writeFrame(bytes));
    return true;
  }

  send(batch: PacketBatch): number {
    const bytes = Buffer.allocUnsafe(batch.byteLength + 2 * batch.count);
    let at = 0;
    let taken = 0;
    let refused = 0;
    for (let packet = 0; packet < batch.count; packet++) {
      const start = batch.starts[packet]!;
      const length = batch.lengths[packet]!;
      if (length > 0 && this.#takes(at + length + 2)) {
        at = bytes.writeUInt16BE(length, at);
        at += batch.bytes.copy(bytes, at, start, start + length);
        taken += 1;
      } else {
        refused += length > 0 ? 1 : 0;
      }
    }
    if (refused > 0) {
      this.#events.dropped(refused);
    }
    if (taken > 0) {
      this.#socket.write(bytes.subarray(0, at));
    }
    return taken;
  }

  close(): void {
    this.#socket.destroySoon();
  }

  /** Ends it at once. */
  destroy(): void {
    this.#socket.destroy();
  }

  #takes(bytes: number): boolean {
    return this.#socket.writable && this.#socket.writableLength + bytes <= MAX_QUEUED_BYTES;
  }
}
