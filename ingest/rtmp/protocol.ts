import Rtmp from 'node-media-server/src/protocol/rtmp.js';

import { encodeAmf0, type AmfObject, type AmfValue } from '#core/media/containers/flv/amf0.ts';
import { MillraceError } from '#core/runtime/errors.ts';

/** Message types (RTMP 1.0, 5.4 and 7.1). */
export const MESSAGE = {
  setChunkSize: 1,
  abort: 2,
  acknowledgement: 3,
  userControl: 4,
  windowAcknowledgementSize: 5,
  setPeerBandwidth: 6,
  audio: 8,
  video: 9,
  dataAmf3: 15,
  commandAmf3: 17,
  dataAmf0: 18,
  commandAmf0: 20,
  aggregate: 22,
} as const;

/** User control events (7.1.7). */
export const EVENT = { streamBegin: 0, pingRequest: 6, pingResponse: 7 } as const;

/** The only version of RTMP in the clear (5.2.2). */
const VERSION = 3;
/** Window within which a publisher wants no acknowledgement; what encoders themselves ask for. */
const WINDOW_BYTES = 2_500_000;
/** Peer bandwidth limit type "dynamic" (5.4.5). */
const DYNAMIC = 2;
/** Chunk stream of commands, by custom. */
const COMMAND_CHUNK_STREAM = 3;

/**
 * What this server takes, in the words of Enhanced RTMP v2 ("Enhancing NetConnection connect Command"): single-track H.264
 * and AAC. `capsEx` 0: no reconnect request, multitrack, ModEx or nanoseconds.
 */
const CAPABILITIES: AmfObject = {
  fourCcList: ['avc1', 'mp4a'],
  // FourCcInfoMask: 1 can decode, 4 can forward.
  videoFourCcInfoMap: { avc1: 5 },
  audioFourCcInfoMap: { mp4a: 5 },
  capsEx: 0,
};

/**
 * node-media-server's RTMP class, used for the handshake and for cutting what is sent into chunks. What comes in after
 * the handshake goes to a reader of our own (ADR 0002).
 */
export class RtmpProtocol extends Rtmp {
  readonly #onChunks: (bytes: Uint8Array) => void;
  #started = false;
  #chunkSizeTold = false;

  constructor(onChunks: (bytes: Uint8Array) => void, output: (bytes: Uint8Array) => void) {
    super();
    // Its FLV parser holds 1 MiB per connection and is not used.
    this.flv = undefined;
    this.#onChunks = onChunks;
    this.onOutputCallback = output;
  }

  /**
   * Takes bytes from the peer: the handshake here, all that follows to `onChunks`.
   *
   * @throws {MillraceError} `rtmp/malformed` where the peer does not speak RTMP version 3.
   */
  receive(bytes: Uint8Array): void {
    if (!this.#started && bytes.length > 0) {
      if (bytes[0] !== VERSION) {
        throw new MillraceError('rtmp/malformed', `not RTMP: first byte ${bytes[0]}`);
      }
      this.#started = true;
    }
    this.parserData(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  }

  override chunkRead(data: Buffer, at: number, length: number): null {
    this.#onChunks(data.subarray(at, at + length));
    return null;
  }

  /** Sends a command message (7.2). */
  command(streamId: number, name: string, transaction: number, ...args: readonly AmfValue[]): void {
    if (!this.#chunkSizeTold) {
      // The class cuts at this size whatever was told; until then the peer expects chunks of 128 bytes.
      this.#chunkSizeTold = true;
      this.setChunkSize(this.outChunkSize);
    }
    const payload = Buffer.from(encodeAmf0(name, transaction, ...args));
    const header = { fmt: 0, cid: COMMAND_CHUNK_STREAM, timestamp: 0, length: payload.length, type: MESSAGE.commandAmf0, stream_id: streamId };
    this.onOutputCallback(Rtmp.chunksCreate({ header, payload }));
  }

  /** Answers a `connect` command (7.2.1.1). */
  acceptConnect(transaction: number, objectEncoding: number): void {
    this.sendWindowACK(WINDOW_BYTES);
    this.setPeerBandwidth(WINDOW_BYTES, DYNAMIC);
    // Readers of the capabilities differ in which of the two objects they look at.
    const properties = { fmsVer: 'FMS/3,0,1,123', capabilities: 31, ...CAPABILITIES };
    const information = { level: 'status', code: 'NetConnection.Connect.Success', description: 'Connection succeeded.', objectEncoding, ...CAPABILITIES };
    this.command(0, '_result', transaction, properties, information);
  }

  /** Refuses a `connect` command. */
  refuseConnect(transaction: number, code: string, description: string): void {
    this.command(0, '_error', transaction, null, { level: 'error', code, description });
    // librtmp, and so OBS, reads the reason from a status only.
    this.status(0, 'error', code, description);
  }

  /** Sends an `onStatus` (7.2.2). */
  status(streamId: number, level: 'status' | 'error', code: string, description: string): void {
    this.command(streamId, 'onStatus', 0, null, { level, code, description });
  }

  /** Tells that a message stream is ready (7.1.7). */
  streamBegin(streamId: number): void {
    this.sendStreamStatus(EVENT.streamBegin, streamId);
  }

  /** Answers a ping (7.1.7). */
  pong(timestamp: number): void {
    this.sendStreamStatus(EVENT.pingResponse, timestamp);
  }
}
