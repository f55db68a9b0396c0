import { readUint16, readUint24, readUint32, writeUint16, writeUint24, writeUint32 } from '../bytes.ts';
import { FMT_TRANSPORT_CC, RTCP_HEADER_BYTES, RTCP_RTPFB } from './header.ts';
import { NOT_RECEIVED, REFERENCE_TICKS, type TransportFeedback } from './packets.ts';

/**
 * Transport-wide feedback, draft-holmer-rmcat-transport-wide-cc-extensions-01, 3.1, behind the header:
 *
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     |                     SSRC of packet sender                     |
 *     |                      SSRC of media source                     |
 *     |      base sequence number     |      packet status count      |
 *     |                 reference time                | fb pkt. count |
 *     |          packet chunk         |         packet chunk          |
 *     |         packet chunk          |  recv delta   |  recv delta   |
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *
 *     |0| S |   run length (13)       |   3.1.3, run length chunk
 *     |1|0|      14 symbols of 1 bit  |   3.1.4, status vector chunk
 *     |1|1|      7 symbols of 2 bits  |
 */
const FIXED_BYTES = 16;

/** Packet status symbols, 3.1.1. 3 is reserved. */
const SYMBOL_NOT_RECEIVED = 0;
const SYMBOL_SMALL_DELTA = 1;
const SYMBOL_LARGE_DELTA = 2;

const MAX_RUN = 0x1fff;

/**
 * Parses the body between `at` and `end`; undefined where it is malformed or speaks of more than `maxStatuses` packets.
 * Hot: runs 20 times a second for each viewer.
 */
export function parseTransportFeedback(bytes: Uint8Array, at: number, end: number, maxStatuses: number): TransportFeedback | undefined {
  if (at + FIXED_BYTES > end) {
    return undefined;
  }
  const count = readUint16(bytes, at + 10);
  if (count > maxStatuses) {
    return undefined;
  }
  // Holds the symbols first, then the times.
  const arrivals = new Int32Array(count);
  const deltas = readSymbols(bytes, at + FIXED_BYTES, end, arrivals);
  if (deltas < 0 || !readDeltas(bytes, deltas, end, arrivals)) {
    return undefined;
  }
  return {
    kind: 'transport-cc',
    senderSsrc: readUint32(bytes, at),
    mediaSsrc: readUint32(bytes, at + 4),
    feedbackCount: bytes[at + 15]!,
    baseSequence: readUint16(bytes, at + 8),
    referenceTime: (readUint24(bytes, at + 12) << 8) >> 8,
    arrivals,
  };
}

/** Fills in one symbol for each packet. Returns where the chunks end, -1 where they are cut. */
function readSymbols(bytes: Uint8Array, start: number, end: number, symbols: Int32Array): number {
  const count = symbols.length;
  let at = start;
  for (let i = 0; i < count; at += 2) {
    if (at + 2 > end) {
      return -1;
    }
    const chunk = readUint16(bytes, at);
    if (chunk < 0x8000) {
      const runEnd = Math.min(count, i + (chunk & MAX_RUN));
      const symbol = chunk >> 13;
      if (symbol !== SYMBOL_NOT_RECEIVED) {
        symbols.fill(symbol, i, runEnd);
      }
      i = runEnd;
    } else if (chunk < 0xc000) {
      for (let bit = 13; bit >= 0 && i < count; bit -= 1, i += 1) {
        symbols[i] = (chunk >> bit) & 1;
      }
    } else {
      for (let bit = 12; bit >= 0 && i < count; bit -= 2, i += 1) {
        symbols[i] = (chunk >> bit) & 3;
      }
    }
  }
  return at;
}

/** Turns symbols into times. False where a delta is cut off or a symbol is the reserved one. */
function readDeltas(bytes: Uint8Array, start: number, end: number, arrivals: Int32Array): boolean {
  let at = start;
  // 65,535 deltas of 16 bits stay within 32 bits and off NOT_RECEIVED.
  let time = 0;
  for (let i = 0; i < arrivals.length; i += 1) {
    switch (arrivals[i]) {
      case SYMBOL_NOT_RECEIVED:
        arrivals[i] = NOT_RECEIVED;
        continue;
      case SYMBOL_SMALL_DELTA:
        time += at < end ? bytes[at]! : 0;
        at += 1;
        break;
      case SYMBOL_LARGE_DELTA:
        time += at + 1 < end ? (readUint16(bytes, at) << 16) >> 16 : 0;
        at += 2;
        break;
      default:
        return false;
    }
    arrivals[i] = time;
  }
  return at <= end;
}

/**
 * Writes transport-wide feedback. Padded to whole words with the padding bit, as the draft has it.
 *
 * @throws {RangeError} with no packet or more than 65,535, or where an arrival lies more than 8.19 s from the one before it in
 *   sequence or from the reference time: begin another feedback there.
 */
export function writeTransportFeedback(feedback: Omit<TransportFeedback, 'kind'>): Uint8Array {
  const { arrivals } = feedback;
  if (arrivals.length === 0 || arrivals.length > 0xffff) {
    throw new RangeError(`feedback on ${arrivals.length} packets`);
  }
  const symbols = new Uint8Array(arrivals.length);
  const deltas = new Uint8Array(2 * arrivals.length);
  const deltaBytes = writeDeltas(arrivals, symbols, deltas);
  const chunks = chunksOf(symbols);
  const body = RTCP_HEADER_BYTES + FIXED_BYTES + 2 * chunks.length + deltaBytes;
  const out = new Uint8Array(4 * Math.ceil(body / 4));
  const padding = out.length - body;
  out[0] = 0x80 | (padding > 0 ? 0x20 : 0) | FMT_TRANSPORT_CC;
  out[1] = RTCP_RTPFB;
  writeUint16(out, 2, out.length / 4 - 1);
  writeUint32(out, 4, feedback.senderSsrc);
  writeUint32(out, 8, feedback.mediaSsrc);
  writeUint16(out, 12, feedback.baseSequence);
  writeUint16(out, 14, arrivals.length);
  writeUint24(out, 16, feedback.referenceTime);
  out[19] = feedback.feedbackCount;
  chunks.forEach((chunk, i) => writeUint16(out, 20 + 2 * i, chunk));
  out.set(deltas.subarray(0, deltaBytes), 20 + 2 * chunks.length);
  if (padding > 0) {
    out[out.length - 1] = padding;
  }
  return out;
}

function writeDeltas(arrivals: Int32Array, symbols: Uint8Array, deltas: Uint8Array): number {
  let at = 0;
  let previous = 0;
  arrivals.forEach((arrival, i) => {
    if (arrival === NOT_RECEIVED) {
      return;
    }
    const delta = arrival - previous;
    previous = arrival;
    if (delta >= 0 && delta <= 0xff) {
      symbols[i] = SYMBOL_SMALL_DELTA;
      deltas[at] = delta;
      at += 1;
      return;
    }
    if (delta < -0x8000 || delta > 0x7fff) {
      throw new RangeError(`an arrival ${delta / REFERENCE_TICKS} times 64 ms after the one before`);
    }
    symbols[i] = SYMBOL_LARGE_DELTA;
    writeUint16(deltas, at, delta);
    at += 2;
  });
  return at;
}

/** The longest run or vector from each place on. */
function chunksOf(symbols: Uint8Array): number[] {
  const chunks: number[] = [];
  for (let i = 0; i < symbols.length; ) {
    const first = symbols[i]!;
    let run = 1;
    while (run < MAX_RUN && symbols[i + run] === first) {
      run += 1;
    }
    const rest = symbols.subarray(i, i + 14);
    const oneBit = !rest.includes(SYMBOL_LARGE_DELTA);
    if (run >= (oneBit ? rest.length : Math.min(7, rest.length))) {
      chunks.push((first << 13) | run);
      i += run;
    } else if (oneBit) {
      chunks.push(rest.reduce((chunk, symbol, j) => chunk | (symbol << (13 - j)), 0x8000));
      i += 14;
    } else {
      chunks.push(rest.subarray(0, 7).reduce((chunk, symbol, j) => chunk | (symbol << (12 - 2 * j)), 0xc000));
      i += 7;
    }
  }
  return chunks;
}
