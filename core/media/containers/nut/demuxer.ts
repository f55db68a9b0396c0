import { MillraceError } from '../../../runtime/errors.ts';
import { ticks, type Ticks } from '../../time.ts';
import { nutCrc } from './crc.ts';
import { parseMain, parseStream, type NutMain, type NutStream } from './headers.ts';
import { NutReader, Underrun } from './reader.ts';
import {
  FILE_ID,
  FLAG_CHECKSUM,
  FLAG_CODED,
  FLAG_CODED_PTS,
  FLAG_HEADER_IDX,
  FLAG_INVALID,
  FLAG_KEY,
  FLAG_MATCH_TIME,
  FLAG_RESERVED,
  FLAG_SIZE_MSB,
  FLAG_SM_DATA,
  FLAG_STREAM_ID,
  HEADER_CHECKSUM_ABOVE,
  INDEX,
  INFO,
  MAIN,
  STARTCODE_BYTE,
  STREAM,
  SYNCPOINT,
  type StartCode,
} from './syntax.ts';

/** One packet of a stream. `data` may be a view of what was pushed. */
export type NutPacket = { readonly stream: NutStream; readonly pts: Ticks; readonly key: boolean; readonly data: Uint8Array };

/** Larger packets are taken for damage: no frame of a live stream comes near. */
const MAX_PACKET_BYTES = 32 * 1024 * 1024;
const EMPTY = new Uint8Array();

/**
 * Takes NUT apart as it comes, in chunks of any size: a packet is given out in the call that brought its last byte.
 * Made for pipes, so damage is an error and not searched past.
 */
export class NutDemuxer {
  #bytes = EMPTY;
  #waiting: Uint8Array[] = [];
  #length = 0;
  #needed = 1;
  #begun = false;
  #main: NutMain | undefined;
  readonly #streams: NutStream[] = [];
  readonly #lastPts: number[] = [];

  /** The streams whose headers have come. */
  get streams(): readonly NutStream[] {
    return this.#streams.filter((stream) => stream !== undefined);
  }

  /**
   * Takes the next bytes and gives the packets that they complete.
   *
   * @throws {MillraceError} `media/malformed` where the bytes are not NUT; the demuxer cannot go on then.
   */
  push(chunk: Uint8Array): NutPacket[] {
    this.#waiting.push(chunk);
    this.#length += chunk.length;
    const packets: NutPacket[] = [];
    if (this.#length < this.#needed) {
      return packets;
    }
    this.#bytes = concat(this.#bytes, this.#waiting, this.#length);
    this.#waiting = [];
    const reader = new NutReader(this.#bytes);
    let done = 0;
    try {
      for (;;) {
        const packet = this.#element(reader);
        if (packet !== undefined) {
          packets.push(packet);
        }
        done = reader.at;
      }
    } catch (thrown) {
      if (!(thrown instanceof Underrun)) {
        throw thrown;
      }
      this.#bytes = this.#bytes.subarray(done);
      this.#length = this.#bytes.length;
      this.#needed = thrown.needed - done;
    }
    return packets;
  }

  /** Reads one frame, or one packet that is none. */
  #element(reader: NutReader): NutPacket | undefined {
    if (!this.#begun) {
      const id = reader.raw(FILE_ID.length);
      if (FILE_ID.some((byte, at) => id[at] !== byte)) {
        throw new MillraceError('media/malformed', 'not a NUT file');
      }
      this.#begun = true;
      return undefined;
    }
    const start = reader.at;
    const code = reader.u8();
    if (code !== STARTCODE_BYTE) {
      return this.#frame(reader, code, start);
    }
    reader.at = start;
    this.#packet(reader);
    return undefined;
  }

  #packet(reader: NutReader): void {
    const start = reader.at;
    const code: StartCode = [reader.u32(), reader.u32()];
    const forward = reader.v();
    if (forward < 4 || forward > MAX_PACKET_BYTES) {
      throw new MillraceError('media/malformed', `NUT packet of ${forward} bytes`);
    }
    if (forward > HEADER_CHECKSUM_ABOVE) {
      this.#check(reader, start, 'packet header');
    }
    const fields = reader.raw(forward - 4);
    if (nutCrc(fields) !== reader.u32()) {
      throw new MillraceError('media/malformed', 'NUT packet with a wrong checksum');
    }
    insideWhole(() => this.#fields(code, fields));
  }

  #fields(code: StartCode, fields: Uint8Array): void {
    if (is(code, MAIN)) {
      // Repeated headers are copies of the first.
      this.#main ??= parseMain(fields);
    } else if (is(code, STREAM) && this.#main !== undefined) {
      const stream = parseStream(fields, this.#main);
      this.#streams[stream.id] ??= stream;
    } else if (is(code, SYNCPOINT) && this.#main !== undefined) {
      this.#syncpoint(fields, this.#main);
    } else if (!is(code, INFO) && !is(code, INDEX)) {
      throw new MillraceError('media/malformed', 'unknown NUT start code');
    }
  }

  /** A syncpoint restarts the prediction of every stream's pts. */
  #syncpoint(fields: Uint8Array, main: NutMain): void {
    const coded = new NutReader(fields).v();
    const base = main.timeBases[coded % main.timeBases.length];
    const seconds = base === undefined ? 0 : (Math.floor(coded / main.timeBases.length) * base.num) / base.den;
    for (const stream of this.streams) {
      // Rounded down, with room for the division's error on whole ticks.
      this.#lastPts[stream.id] = Math.floor(seconds * stream.timescale + 1e-6);
    }
  }

  #frame(reader: NutReader, code: number, start: number): NutPacket {
    const entry = this.#main?.codes[code];
    if (this.#main === undefined || entry === undefined || (entry.flags & FLAG_INVALID) !== 0) {
      throw new MillraceError('media/malformed', `NUT frame code ${code} is not in use`);
    }
    const flags = (entry.flags & FLAG_CODED) !== 0 ? entry.flags ^ reader.v() : entry.flags;
    const stream = this.#streams[(flags & FLAG_STREAM_ID) !== 0 ? reader.v() : entry.stream];
    if (stream === undefined) {
      throw new MillraceError('media/malformed', 'NUT frame of an unknown stream');
    }
    const pts = this.#pts(stream, (flags & FLAG_CODED_PTS) !== 0 ? reader.v() : undefined, entry.ptsDelta);
    let size = entry.sizeLsb + ((flags & FLAG_SIZE_MSB) !== 0 ? entry.sizeMul * reader.v() : 0);
    if ((flags & FLAG_MATCH_TIME) !== 0) {
      reader.s();
    }
    const headerIndex = (flags & FLAG_HEADER_IDX) !== 0 ? reader.v() : entry.headerIndex;
    for (let left = (flags & FLAG_RESERVED) !== 0 ? reader.v() : entry.reserved; left > 0; left -= 1) {
      reader.v();
    }
    if ((flags & FLAG_CHECKSUM) !== 0) {
      this.#check(reader, start, 'frame header');
    }
    // Large frames leave nothing out (section "header elision").
    const elided = size > 4096 ? EMPTY : (this.#main.elided[headerIndex] ?? EMPTY);
    size -= elided.length;
    if (size < 0 || size > MAX_PACKET_BYTES || !Number.isSafeInteger(pts)) {
      throw new MillraceError('media/malformed', `NUT frame of ${size} bytes at ${pts}`);
    }
    const whole = reader.raw(size);
    const body = (flags & FLAG_SM_DATA) !== 0 ? withoutSideData(whole) : whole;
    this.#lastPts[stream.id] = pts;
    const data = elided.length === 0 ? body : concat(elided, [body], elided.length + body.length);
    return { stream, pts: ticks(pts), key: (flags & FLAG_KEY) !== 0, data };
  }

  /** Coded pts below `1 << msb_pts_shift` are low bits near the last pts; above, the whole pts plus that number. */
  #pts(stream: NutStream, coded: number | undefined, delta: number): number {
    const last = this.#lastPts[stream.id] ?? 0;
    if (coded === undefined) {
      return last + delta;
    }
    const span = 2 ** stream.msbPtsShift;
    if (coded >= span) {
      return coded - span;
    }
    const base = last - Math.floor((span - 1) / 2);
    return base + modulo(coded - base, span);
  }

  #check(reader: NutReader, start: number, what: string): void {
    const covered = reader.bytes.subarray(start, reader.at);
    if (nutCrc(covered) !== reader.u32()) {
      throw new MillraceError('media/malformed', `NUT ${what} with a wrong checksum`);
    }
  }
}

/** A frame's bytes after its side data and its metadata (version 4), which nobody here reads. */
function withoutSideData(body: Uint8Array): Uint8Array {
  const reader = new NutReader(body);
  insideWhole(() => {
    skipSideData(reader);
    skipSideData(reader);
  });
  return body.subarray(reader.at);
}

function skipSideData(reader: NutReader): void {
  for (let left = reader.v(); left > 0; left -= 1) {
    reader.vb();
    const type = reader.s();
    if (type === -1) {
      reader.vb();
    } else if (type === -2) {
      reader.vb();
      reader.vb();
    } else if (type === -3 || type < -4) {
      reader.s();
    } else if (type === -4) {
      reader.v();
    }
  }
}

/** Reads from bytes that are all there: a field that runs past their end is damage, not a wait. */
function insideWhole(read: () => void): void {
  try {
    read();
  } catch (thrown) {
    throw thrown instanceof Underrun ? new MillraceError('media/malformed', 'NUT packet shorter than its fields') : thrown;
  }
}

function is(code: StartCode, other: StartCode): boolean {
  return code[0] === other[0] && code[1] === other[1];
}

function modulo(value: number, by: number): number {
  return ((value % by) + by) % by;
}

function concat(first: Uint8Array, rest: readonly Uint8Array[], length: number): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(length);
  out.set(first);
  let at = first.length;
  for (const bytes of rest) {
    out.set(bytes, at);
    at += bytes.length;
  }
  return out;
}
