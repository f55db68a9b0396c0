import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

import { decodeAmf0, encodeAmf0, isAmfObject, type AmfObject, type AmfValue } from '#core/media/containers/flv/amf0.ts';

import { ChunkReader, type RtmpMessage } from '../chunk-reader.ts';
import { MESSAGE } from '../protocol.ts';

/** A message as a publisher sends it. */
export type OutMessage = {
  readonly type: number;
  readonly payload: Uint8Array;
  /** Default 0. */
  readonly streamId?: number;
  /** Default 0. */
  readonly timestamp?: number;
  /** Default 3. Above 63 it takes 2 bytes of basic header, above 319 it takes 3. */
  readonly chunkStreamId?: number;
};

const HANDSHAKE_BYTES = 1536;
const EXTENDED_TIMESTAMP = 0xff_ffff;

/** C0, C1 and C2 of the simple handshake (RTMP 1.0, 5.2), which may be sent in one go. */
export function handshakeBytes(): Uint8Array {
  const bytes = new Uint8Array(1 + 2 * HANDSHAKE_BYTES);
  bytes[0] = 3;
  return bytes;
}

/** Writes a basic header (5.3.1.1). */
export function basicHeader(fmt: number, chunkStreamId: number): number[] {
  if (chunkStreamId < 64) {
    return [(fmt << 6) | chunkStreamId];
  }
  const rest = chunkStreamId - 64;
  return rest < 256 ? [fmt << 6, rest] : [(fmt << 6) | 1, rest & 0xff, rest >> 8];
}

/** A message as one chunk of type 0 and as many of type 3 as it needs. */
export function chunks(message: OutMessage, chunkSize = 128): Uint8Array {
  const { type, payload, streamId = 0, timestamp = 0, chunkStreamId = 3 } = message;
  const extended = timestamp >= EXTENDED_TIMESTAMP ? bigEndian(timestamp, 4) : [];
  const out: Uint8Array[] = [];
  let at = 0;
  do {
    const header = at === 0 ? [...bigEndian(Math.min(timestamp, EXTENDED_TIMESTAMP), 3), ...bigEndian(payload.length, 3), type, ...bigEndian(streamId, 4).reverse()] : [];
    out.push(Uint8Array.of(...basicHeader(at === 0 ? 0 : 3, chunkStreamId), ...header, ...extended), payload.subarray(at, at + chunkSize));
    at += chunkSize;
  } while (at < payload.length);
  return concatAll(out);
}

/** A command message. */
export function command(name: string, transaction: number, ...args: readonly AmfValue[]): OutMessage {
  return { type: MESSAGE.commandAmf0, payload: encodeAmf0(name, transaction, ...args) };
}

/** `connect` as OBS sends it. */
export function connectCommand(more: AmfObject = {}): OutMessage {
  return command('connect', 1, { app: 'live', type: 'nonprivate', flashVer: 'FMLE/3.0 (compatible; FMSc/1.0)', tcUrl: 'rtmp://localhost/live', ...more });
}

/** `publish` on a message stream. */
export function publishCommand(key: AmfValue, streamId = 1): OutMessage {
  return { ...command('publish', 5, null, key, 'live'), streamId };
}

/** Set Chunk Size (5.4.1). */
export function setChunkSize(size: number): OutMessage {
  return { type: MESSAGE.setChunkSize, payload: Uint8Array.from(bigEndian(size, 4)), chunkStreamId: 2 };
}

/** All that a publisher sends before its first media, in the order of OBS. */
export function publishingBytes(key: string): Uint8Array {
  return concat(
    handshakeBytes(),
    ...[connectCommand(), command('releaseStream', 2, null, key), command('FCPublish', 3, null, key), command('createStream', 4, null), publishCommand(key)].map((one) => chunks(one)),
  );
}

/** A status or a result as the server sent it. */
export type Reply = { readonly name: string; readonly transaction: number; readonly streamId: number; readonly args: readonly AmfValue[] };

/** Reads what a server sends: the handshake, then messages. */
export class ServerReader {
  readonly messages: RtmpMessage[] = [];
  readonly replies: Reply[] = [];
  #handshakeLeft = 1 + 2 * HANDSHAKE_BYTES;
  readonly #reader = new ChunkReader({ maxMessageBytes: 1 << 20, maxChunkStreams: 64, maxBufferedBytes: 1 << 22 }, (message) => this.#onMessage(message));

  /** Takes bytes from the server. */
  push(bytes: Uint8Array): void {
    const skip = Math.min(this.#handshakeLeft, bytes.length);
    this.#handshakeLeft -= skip;
    this.#reader.push(bytes.subarray(skip));
  }

  /** The `code`s of all statuses and results so far. */
  get codes(): string[] {
    return this.replies.flatMap((reply) => infoOf(reply)?.['code'] ?? []).map(String);
  }

  /** The description that came with a code. */
  description(code: string): AmfValue {
    return this.replies.map(infoOf).find((info) => info?.['code'] === code)?.['description'];
  }

  #onMessage(message: RtmpMessage): void {
    this.messages.push(message);
    if (message.type === MESSAGE.setChunkSize) {
      this.#reader.setChunkSize(new DataView(message.payload.buffer).getUint32(0));
    } else if (message.type === MESSAGE.commandAmf0) {
      const [name, transaction, ...args] = decodeAmf0(message.payload);
      this.replies.push({ name: String(name), transaction: Number(transaction), streamId: message.streamId, args });
    }
  }
}

/** A minimal RTMP publisher over a socket. */
export class RtmpClient {
  readonly server = new ServerReader();
  /** Settles when the socket is closed, by whichever side. */
  readonly closed: Promise<void>;
  /** What went wrong with the socket, a reset for example. */
  failure: Error | undefined;
  readonly #socket: Socket;
  #chunkSize = 128;
  #waiters: { readonly met: () => boolean; readonly settle: () => void }[] = [];

  private constructor(socket: Socket) {
    this.#socket = socket;
    const ended = Promise.withResolvers<void>();
    this.closed = ended.promise;
    socket.on('data', (bytes: Buffer) => {
      this.server.push(bytes);
      this.#look();
    });
    socket.on('error', (error) => (this.failure = error));
    socket.on('close', () => {
      ended.resolve();
      this.#look();
    });
  }

  /** Opens a connection; over TLS without looking at the certificate where `tls` is set. */
  static async open(options: { readonly port: number; readonly host?: string; readonly tls?: boolean }): Promise<RtmpClient> {
    const { port, host = '127.0.0.1' } = options;
    const socket = options.tls === true ? connectTls({ port, host, rejectUnauthorized: false }) : connectTcp({ port, host });
    const client = new RtmpClient(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once(options.tls === true ? 'secureConnect' : 'connect', resolve);
      socket.once('error', reject);
      socket.once('close', () => reject(new Error('closed before it was open')));
    });
    return client;
  }

  /** Sends bytes as they are. */
  write(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  /** Sends a message in chunks. */
  send(message: OutMessage): void {
    this.write(chunks(message, this.#chunkSize));
  }

  /** Shakes hands, connects, creates a stream and wishes to publish; waits for the answer and tells its code. */
  async publish(key: string): Promise<string> {
    this.write(publishingBytes(key));
    const answer = (): string | undefined => this.server.codes.find((code) => code !== 'NetConnection.Connect.Success');
    await this.until(() => answer() !== undefined);
    this.send(setChunkSize(65_536));
    this.#chunkSize = 65_536;
    return answer() ?? '';
  }

  /** Sends a video message on message stream 1. */
  video(timestamp: number, payload: Uint8Array): void {
    this.send({ type: MESSAGE.video, payload, timestamp, streamId: 1, chunkStreamId: 6 });
  }

  /** Sends an audio message on message stream 1. */
  audio(timestamp: number, payload: Uint8Array): void {
    this.send({ type: MESSAGE.audio, payload, timestamp, streamId: 1, chunkStreamId: 4 });
  }

  /** Waits until a condition on what the server sent is met; rejects where the connection closes before. */
  until(met: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiters.push({ met, settle: () => (met() ? resolve() : reject(new Error(`closed after ${this.server.codes.join(', ')}`))) });
      this.#look();
    });
  }

  /** Destroys the socket and waits until it is gone. */
  async close(): Promise<void> {
    this.#socket.destroy();
    await this.closed;
  }

  #look(): void {
    const done = this.#waiters.filter((waiter) => waiter.met() || this.#socket.destroyed);
    this.#waiters = this.#waiters.filter((waiter) => !done.includes(waiter));
    done.forEach((waiter) => waiter.settle());
  }
}

/** Bytes one after the other. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return concatAll(parts);
}

function concatAll(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** The bytes of an unsigned integer, highest first. */
export function bigEndian(value: number, bytes: number): number[] {
  return Array.from({ length: bytes }, (_, i) => Math.floor(value / 2 ** (8 * (bytes - 1 - i))) % 256);
}

function infoOf(reply: Reply): AmfObject | undefined {
  const info = reply.args[1];
  return info !== undefined && isAmfObject(info) ? info : undefined;
}
