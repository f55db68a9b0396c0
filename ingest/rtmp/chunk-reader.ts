import { MillraceError } from '#core/runtime/errors.ts';

/** A message put together from its chunks (RTMP 1.0, 6.1.1). */
export type RtmpMessage = {
  readonly type: number;
  /** Message stream id: 0 for the connection itself. */
  readonly streamId: number;
  /** Unsigned 32-bit milliseconds; wraps. */
  readonly timestamp: number;
  /** Owned by whoever gets the message. */
  readonly payload: Uint8Array;
};

/** Bounds of a {@link ChunkReader}, checked before anything is allocated. */
export type ChunkLimits = {
  readonly maxMessageBytes: number;
  readonly maxChunkStreams: number;
  /** Announced lengths of all messages that are not whole yet. */
  readonly maxBufferedBytes: number;
};

type ChunkStream = {
  /** The header of the newest message, which later ones refer to. */
  timestamp: number;
  delta: number;
  length: number;
  type: number;
  streamId: number;
  extended: boolean;
  /** Absent between messages. */
  partial: Uint8Array | undefined;
  received: number;
};

const DEFAULT_CHUNK_SIZE = 128;
const EXTENDED_TIMESTAMP = 0xff_ffff;
/** Longest header: basic 3, message 11, extended timestamp 4. */
const MAX_HEADER = 18;
/** Message header bytes by fmt (5.3.1.2). */
const MESSAGE_HEADER_BYTES = [11, 7, 3, 0] as const;

/**
 * Reads a chunk stream (RTMP 1.0, 5.3), whatever the pieces it comes in.
 *
 *     basic header         fmt 2, chunk stream id 6 (0: + 8 bits, 1: + 16 bits, little-endian)
 *     message header       fmt 0: timestamp 24, length 24, type 8, stream id 32 (little-endian)
 *                          fmt 1: delta 24, length 24, type 8     fmt 2: delta 24     fmt 3: nothing
 *     extended timestamp   32, where the 24 bits are all ones
 */
export class ChunkReader {
  /** May be raised, never below what is in use. */
  limits: ChunkLimits;
  readonly #onMessage: (message: RtmpMessage) => void;
  readonly #streams = new Map<number, ChunkStream>();
  readonly #header = new Uint8Array(MAX_HEADER);
  readonly #view = new DataView(this.#header.buffer);
  #headerBytes = 0;
  #chunkSize = DEFAULT_CHUNK_SIZE;
  #current: ChunkStream | undefined;
  /** Bytes of the current chunk's data still to come. */
  #chunkLeft = 0;
  #buffered = 0;
  /** Bytes allocated for messages that were given up, less those of messages that came whole. */
  #wasted = 0;
  #held = false;
  #ended = false;
  /** Bytes that came while the reader was held. */
  #backlog: Uint8Array[] = [];

  constructor(limits: ChunkLimits, onMessage: (message: RtmpMessage) => void) {
    this.limits = limits;
    this.#onMessage = onMessage;
  }

  /** Announced lengths of the messages that are not whole yet, and bytes that wait because the reader is held. */
  get buffered(): number {
    return this.#buffered + this.#backlog.reduce((sum, bytes) => sum + bytes.length, 0);
  }

  /** Chunk streams seen so far. */
  get chunkStreams(): number {
    return this.#streams.size;
  }

  /**
   * Takes the next bytes and hands out every message that they complete.
   *
   * @throws {MillraceError} `rtmp/malformed` or `rtmp/limit`; the reader must not be used after that.
   */
  push(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length && !this.#ended) {
      if (this.#held) {
        this.#backlog.push(new Uint8Array(bytes.subarray(at)));
        return;
      }
      if (this.#current === undefined) {
        this.#header[this.#headerBytes] = bytes[at] ?? 0;
        this.#headerBytes += 1;
        at += 1;
        if (this.#headerBytes >= this.#headerNeeded()) {
          this.#beginChunk();
        }
      } else {
        at += this.#takeData(this.#current, bytes, at);
      }
    }
  }

  /** True between {@link hold} and {@link release}. */
  get held(): boolean {
    return this.#held;
  }

  /** Reads no further until {@link release}, not even to the end of the bytes at hand. Whoever holds bounds what may come meanwhile. */
  hold(): void {
    this.#held = true;
  }

  /**
   * Reads on, beginning with what came meanwhile.
   *
   * @throws {MillraceError} as {@link push}.
   */
  release(): void {
    this.#held = false;
    const backlog = this.#backlog;
    this.#backlog = [];
    backlog.forEach((bytes) => this.push(bytes));
  }

  /** Forgets all that is unfinished or waits, and takes nothing more. */
  end(): void {
    this.#ended = true;
    this.#backlog = [];
    this.#streams.clear();
    this.#current = undefined;
    this.#buffered = 0;
  }

  /**
   * Set Chunk Size (5.4.1).
   *
   * @throws {MillraceError} `rtmp/malformed` for sizes below 1 or with the highest bit set.
   */
  setChunkSize(size: number): void {
    if (size < 1 || size > 0x7fff_ffff) {
      throw new MillraceError('rtmp/malformed', `chunk size ${size}`);
    }
    this.#chunkSize = size;
  }

  /**
   * Abort Message (5.4.2): forgets the partly received message of a chunk stream.
   *
   * @throws {MillraceError} `rtmp/limit` where too much was given up.
   */
  abort(chunkStreamId: number): void {
    const stream = this.#streams.get(chunkStreamId);
    if (stream !== undefined) {
      this.#giveUp(stream);
    }
  }

  /** Bytes of header that the current chunk has, as far as its first bytes tell. */
  #headerNeeded(): number {
    const first = this.#header[0] ?? 0;
    const fmt = first >> 6;
    const basic = this.#basicBytes();
    if (this.#headerBytes < basic) {
      return basic;
    }
    const message = basic + (MESSAGE_HEADER_BYTES[fmt] ?? 0);
    if (this.#headerBytes < message) {
      return message;
    }
    // "This field is present in Type 3 chunks when the most recent Type 0, 1, or 2 chunk for the same chunk stream ID
    // indicated the presence of an extended timestamp field." (5.3.1.3)
    const extended = fmt === 3 ? (this.#streams.get(this.#chunkStreamId())?.extended ?? false) : this.#uint24(basic) === EXTENDED_TIMESTAMP;
    return message + (extended ? 4 : 0);
  }

  #basicBytes(): number {
    const low = (this.#header[0] ?? 0) & 0x3f;
    return low === 0 ? 2 : low === 1 ? 3 : 1;
  }

  #chunkStreamId(): number {
    const basic = this.#basicBytes();
    const [first = 0, second = 0, third = 0] = this.#header;
    // "(the third byte) * 256 + (the second byte) + 64" (5.3.1.1)
    return basic === 1 ? first & 0x3f : basic === 2 ? second + 64 : third * 256 + second + 64;
  }

  #uint24(at: number): number {
    return this.#view.getUint32(at) >>> 8;
  }

  #beginChunk(): void {
    const fmt = (this.#header[0] ?? 0) >> 6;
    const basic = this.#basicBytes();
    const stream = this.#streamOf(fmt);
    if (fmt < 3) {
      // A new header in the middle of a message ends it: nobody could tell whose the data was.
      this.#giveUp(stream);
      const field = this.#uint24(basic);
      stream.extended = field === EXTENDED_TIMESTAMP;
      stream.delta = stream.extended ? this.#view.getUint32(basic + (MESSAGE_HEADER_BYTES[fmt] ?? 0)) : field;
      if (fmt <= 1) {
        stream.length = this.#uint24(basic + 3);
        stream.type = this.#header[basic + 6] ?? 0;
      }
      if (fmt === 0) {
        stream.streamId = this.#view.getUint32(basic + 7, true);
      }
    }
    if (stream.partial === undefined) {
      // After a type 0 chunk the delta is its absolute timestamp: so says 5.3.1.2.4, and encoders do so.
      stream.timestamp = fmt === 0 ? stream.delta : (stream.timestamp + stream.delta) >>> 0;
      this.#allocate(stream);
    }
    this.#headerBytes = 0;
    this.#chunkLeft = Math.min(this.#chunkSize, stream.length - stream.received);
    this.#current = stream;
    if (this.#chunkLeft === 0) {
      this.#endChunk(stream);
    }
  }

  #streamOf(fmt: number): ChunkStream {
    const id = this.#chunkStreamId();
    let stream = this.#streams.get(id);
    if (stream === undefined) {
      // Some librtmp builds begin a chunk stream with type 1; types 2 and 3 leave the length unknown.
      if (fmt > 1) {
        throw new MillraceError('rtmp/malformed', `chunk stream ${id} begins with a chunk of type ${fmt}`);
      }
      if (this.#streams.size >= this.limits.maxChunkStreams) {
        throw new MillraceError('rtmp/limit', `more than ${this.limits.maxChunkStreams} chunk streams`);
      }
      stream = { timestamp: 0, delta: 0, length: 0, type: 0, streamId: 0, extended: false, partial: undefined, received: 0 };
      this.#streams.set(id, stream);
    }
    return stream;
  }

  #allocate(stream: ChunkStream): void {
    if (stream.length > this.limits.maxMessageBytes) {
      throw new MillraceError('rtmp/limit', `message of ${stream.length} bytes, above ${this.limits.maxMessageBytes}`);
    }
    if (this.#buffered + stream.length > this.limits.maxBufferedBytes) {
      throw new MillraceError('rtmp/limit', `unfinished messages of more than ${this.limits.maxBufferedBytes} bytes`);
    }
    this.#buffered += stream.length;
    stream.partial = new Uint8Array(stream.length);
    stream.received = 0;
  }

  #takeData(stream: ChunkStream, bytes: Uint8Array, at: number): number {
    const size = Math.min(this.#chunkLeft, bytes.length - at);
    stream.partial?.set(bytes.subarray(at, at + size), stream.received);
    stream.received += size;
    this.#chunkLeft -= size;
    if (this.#chunkLeft === 0) {
      this.#endChunk(stream);
    }
    return size;
  }

  #endChunk(stream: ChunkStream): void {
    this.#current = undefined;
    const payload = stream.partial;
    if (payload !== undefined && stream.received === stream.length) {
      this.#wasted = Math.max(0, this.#wasted - stream.length);
      this.#discard(stream);
      this.#onMessage({ type: stream.type, streamId: stream.streamId, timestamp: stream.timestamp, payload });
    }
  }

  /** A few bytes of header can announce megabytes: who announces and gives up again and again would cost more than it sends. */
  #giveUp(stream: ChunkStream): void {
    this.#wasted += stream.partial === undefined ? 0 : stream.length - stream.received;
    this.#discard(stream);
    if (this.#wasted > this.limits.maxBufferedBytes) {
      throw new MillraceError('rtmp/limit', `messages given up with more than ${this.limits.maxBufferedBytes} bytes to come`);
    }
  }

  #discard(stream: ChunkStream): void {
    if (stream.partial !== undefined) {
      this.#buffered -= stream.length;
      stream.partial = undefined;
      stream.received = 0;
    }
  }
}
