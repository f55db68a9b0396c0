import type { ServerResponse } from 'node:http';
import { constants, type Http2Stream } from 'node:http2';
import type { Socket } from 'node:net';

import { addressGroup } from '#core/access/address-group.ts';
import { millis } from '#core/media/time.ts';

/** Bounds against abuse. Defaults are far above what players need: behind one address may be a whole campus. */
export type ConnectionLimits = {
  readonly maxConnections: number;
  readonly maxConnectionsPerAddress: number;
};

/** How often slow readers are looked for. */
export const SWEEP_INTERVAL = millis(5000);

/** A reader that has bytes waiting must take this many between two sweeps: 26 kbit/s, less than any rendition. */
const MIN_BYTES_PER_SWEEP = 16 * 1024;

/** Sweeps without progress after which a connection is cut: 15 to 20 s. */
const MAX_SLOW_SWEEPS = 3;

/**
 * Sweeps after which an HTTP/2 stream is cut that has had bytes waiting in each: a minute. Segments leave memory a minute after
 * the playlist; who takes a byte now and then must not hold on to one after the other. Answers that are made while they are taken, and may last for hours, are
 * as slow as their client likes, as long as it takes something: see {@link noteTaken}.
 */
const MAX_WAITING_SWEEPS = 12;

const takenBytes = new WeakMap<object, number>();

/** Notes that the client has taken so many bytes more of an answer of many pieces. */
export function noteTaken(response: ServerResponse, bytes: number): void {
  const carrier = 'stream' in response ? (response.stream as object | undefined) : undefined;
  if (carrier !== undefined) {
    takenBytes.set(carrier, takenOf(carrier) + bytes);
  }
}

function takenOf(stream: object): number {
  return takenBytes.get(stream) ?? 0;
}

type Progress = { delivered: number; slowSweeps: number; readonly address: string };

/** Knows every open connection: counts them by address, and cuts off readers that do not read. */
export class Connections {
  readonly #limits: ConnectionLimits;
  readonly #addressOf: (socket: Socket) => string;
  readonly #sockets = new Map<Socket, Progress>();
  readonly #perAddress = new Map<string, number>();
  /** The encrypted faces of admitted connections: bytes wait in them, not in the sockets below. */
  readonly #encrypted = new Map<Socket, Progress>();
  /** Streams of HTTP/2, each with the sweeps in a row in which bytes waited: they wait in it while its flow-control window is shut. */
  readonly #streams = new Map<Http2Stream, { readonly sweeps: number; readonly taken: number }>();

  /** @param addressOf - The address to count by, an IPv6 subscriber's as one; empty for those not counted (proxies carry everybody). */
  constructor(limits: ConnectionLimits, addressOf: (socket: Socket) => string) {
    this.#limits = limits;
    this.#addressOf = addressOf;
  }

  get count(): number {
    return this.#sockets.size;
  }

  /** Takes a new connection, or destroys it where there are too many. */
  admit(socket: Socket): void {
    const address = addressGroup(this.#addressOf(socket));
    const ofAddress = address === '' ? 0 : (this.#perAddress.get(address) ?? 0) + 1;
    if (this.#sockets.size >= this.#limits.maxConnections || ofAddress > this.#limits.maxConnectionsPerAddress) {
      socket.destroy();
      return;
    }
    this.#sockets.set(socket, { delivered: 0, slowSweeps: 0, address });
    if (address !== '') {
      this.#perAddress.set(address, ofAddress);
    }
    socket.once('close', () => this.#forget(socket));
  }

  /** Looks after an admitted connection's TLS socket as well. */
  watch(socket: Socket): void {
    this.#encrypted.set(socket, { delivered: 0, slowSweeps: 0, address: '' });
    socket.once('close', () => this.#encrypted.delete(socket));
  }

  /** Looks after a stream of an HTTP/2 connection. */
  watchStream(stream: Http2Stream): void {
    this.#streams.set(stream, { sweeps: 0, taken: 0 });
    stream.once('close', () => this.#streams.delete(stream));
  }

  /** Cuts off connections whose peer has taken almost nothing for three sweeps although bytes wait for it, and streams that take too long. */
  sweep(): void {
    for (const [socket, progress] of [...this.#sockets, ...this.#encrypted]) {
      const waiting = socket.writableLength;
      const delivered = socket.bytesWritten - waiting;
      const isSlow = waiting > 0 && delivered - progress.delivered < MIN_BYTES_PER_SWEEP;
      progress.delivered = delivered;
      progress.slowSweeps = isSlow ? progress.slowSweeps + 1 : 0;
      if (progress.slowSweeps >= MAX_SLOW_SWEEPS) {
        socket.destroy();
      }
    }
    for (const [stream, before] of this.#streams) {
      const taken = takenOf(stream);
      const sweeps = stream.writableLength > 0 && taken - before.taken < MIN_BYTES_PER_SWEEP ? before.sweeps + 1 : 0;
      this.#streams.set(stream, { sweeps, taken });
      if (sweeps >= MAX_WAITING_SWEEPS) {
        stream.close(constants.NGHTTP2_CANCEL);
      }
    }
  }

  /** Destroys every connection that is left. */
  destroyAll(): void {
    for (const socket of this.#sockets.keys()) {
      socket.destroy();
    }
  }

  #forget(socket: Socket): void {
    const address = this.#sockets.get(socket)?.address ?? '';
    this.#sockets.delete(socket);
    const left = (this.#perAddress.get(address) ?? 0) - 1;
    if (left > 0) {
      this.#perAddress.set(address, left);
    } else {
      this.#perAddress.delete(address);
    }
  }
}

