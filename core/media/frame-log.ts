import { MAX_RECORD_BYTES, readRecord, writeRecord } from './frame-record.ts';
import type { Frame } from './frame.ts';

/*
 * A recorded list of frames: determinism tests and vectors replay it.
 *
 *   frame log  := magic record*
 *   magic      := 'MRFL' 0x00 0x00 0x00 version        (8 bytes)
 *   record     := uint32 metaLength  uint32 dataLength  meta  data
 *
 * Integers are big-endian; `meta` is UTF-8 JSON (see frame-record.ts), `data` the access unit. A log that was cut off
 * anywhere can be read up to its last whole record.
 */

const MAGIC = Uint8Array.of(0x4d, 0x52, 0x46, 0x4c, 0, 0, 0, 1);

/** What {@link readFrameLog} found. */
export type FrameLog = {
  readonly frames: readonly Frame[];
  /** True where the log ends inside a record: its writer was stopped in the middle. */
  readonly truncated: boolean;
};

/** The first bytes of every log, for writers that append record by record. */
export function frameLogMagic(): Uint8Array {
  return MAGIC.slice();
}

/** One record of a log. */
export { writeRecord as frameLogRecord } from './frame-record.ts';

/** Serialises frames, in the order given. */
export function writeFrameLog(frames: Iterable<Frame>): Uint8Array {
  const pieces: Uint8Array[] = [MAGIC];
  let length = MAGIC.length;
  for (const frame of frames) {
    const record = writeRecord(frame);
    pieces.push(record);
    length += record.length;
  }
  const log = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    log.set(piece, at);
    at += piece.length;
  }
  return log;
}

/**
 * Reads a log. The frames' data are copies, so they outlive `bytes`.
 *
 * @throws {RangeError} where the bytes are no frame log of this version, or a record contradicts itself.
 */
export function readFrameLog(bytes: Uint8Array): FrameLog {
  if (bytes.length < MAGIC.length || MAGIC.some((byte, at) => bytes[at] !== byte)) {
    throw new RangeError('not a frame log of version 1');
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const frames: Frame[] = [];
  let at = MAGIC.length;
  while (at < bytes.length) {
    if (at + 8 > bytes.length) {
      return { frames, truncated: true };
    }
    const metaLength = view.getUint32(at);
    const dataLength = view.getUint32(at + 4);
    if (metaLength > MAX_RECORD_BYTES || dataLength > MAX_RECORD_BYTES) {
      throw new RangeError(`frame log: record at byte ${at} claims ${metaLength} + ${dataLength} bytes`);
    }
    const end = at + 8 + metaLength + dataLength;
    if (end > bytes.length) {
      return { frames, truncated: true };
    }
    frames.push(readRecord(bytes.subarray(at + 8, at + 8 + metaLength), bytes.slice(at + 8 + metaLength, end)));
    at = end;
  }
  return { frames, truncated: false };
}
