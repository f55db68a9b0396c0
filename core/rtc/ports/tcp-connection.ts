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
    let length = 0;
    let taken = 0;
    while (taken < batch.count && this.#takes(length + batch.lengths[taken]! + 2)) {
      length += batch.lengths[taken]! + 2;
      taken += 1;
    }
    if (taken < batch.count) {
      this.#events.dropped(batch.count - taken);
    }
    if (taken > 0) {
      const bytes = Buffer.allocUnsafe(length);
      for (let packet = 0, at = 0; packet < taken; packet++) {
        const start = batch.starts[packet]!;
        at = bytes.writeUInt16BE(batch.lengths[packet]!, at);
        at += batch.bytes.copy(bytes, at, start, start + batch.lengths[packet]!);
      }
      this.#socket.write(bytes);
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
