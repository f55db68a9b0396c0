import type { BroadcastId, Frame } from '../../../media/frame.ts';
import { readRecord, RECORD_HEADER_BYTES, writeMeta } from '../../../media/frame-record.ts';
import type { TrackName } from '../../../media/track.ts';

/**
 * What stands in front of every media message, in network order:
 *
 * ```
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +-------+-------+-------------+-+-------------------------------+
 * | ver=1 | kind  |  zero       |D|                               |
 * +-------+-------+-------------+-+   run (48 bits)               |
 * |                                                               |
 * +---------------------------------------------------------------+
 * |   number (48 bits)                                            |
 * |                               +-------------------------------+
 * |                               |   piece                       |
 * +-------------------------------+-------------------------------+
 * |   pieces                      |   payload ...
 * +-------------------------------+
 * ```
 *
 * `run` is the writing process, `number` counts the frames that it wrote to this track. `D`: what is missing before this number was dropped by the
 * writer himself, so asking him for it is no use. The payload of kind 1 is a piece of a record of `core/media/frame-record.ts`.
 */
export const HEADER_BYTES = 18;

/** A frame that is larger is not passed on: the largest key frames of 4K are a quarter of it. */
export const MAX_FRAME_BYTES = 16 * 1024 * 1024;

/** Pieces are no larger, whatever the server allows: a key frame's piece holds other tracks up. */
const MAX_PIECE_BYTES = 256 * 1024;

const VERSION = 1;
const KINDS = { frame: 1, offer: 2, end: 3 } as const;
const DROPPED_BEFORE = 1;

/** What a message is: a piece of a frame; who answers to a request for the backlog, and with how much; the end of what was asked for. */
export type MessageKind = keyof typeof KINDS;

/** A message as it is on the wire. */
export type Message = {
  readonly kind: MessageKind;
  readonly run: number;
  readonly number: number;
  /** What is missing before it was dropped by its writer. */
  readonly isAfterDrop: boolean;
  readonly piece: number;
  readonly pieces: number;
  readonly payload: Uint8Array;
};

/** A frame with its place among all that its writer wrote to the track. */
export type NumberedFrame = { readonly run: number; readonly number: number; readonly isAfterDrop: boolean; readonly frame: Frame };

/** Serialises a message. */
export function writeMessage(message: Message): Uint8Array {
  const { payload } = message;
  const bytes = new Uint8Array(HEADER_BYTES + payload.byteLength);
  writeHeader(bytes, message);
  bytes.set(payload, HEADER_BYTES);
  return bytes;
}

function writeHeader(to: Uint8Array, { kind, run, number, isAfterDrop, piece, pieces }: Omit<Message, 'payload'>): void {
  const view = new DataView(to.buffer, to.byteOffset, HEADER_BYTES);
  view.setUint8(0, (VERSION << 4) | KINDS[kind]);
  view.setUint8(1, isAfterDrop ? DROPPED_BEFORE : 0);
  setUint48(view, 2, run);
  setUint48(view, 8, number);
  view.setUint16(14, piece);
  view.setUint16(16, pieces);
}

/** Reads a message; undefined where it is none. The payload is a plain view of its bytes, whatever kind of array the socket brought. */
export function readMessage(bytes: Uint8Array): Message | undefined {
  if (bytes.byteLength < HEADER_BYTES) {
    return undefined;
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const first = view.getUint8(0);
  const kind = kindOf(first & 0x0f);
  const [piece, pieces] = [view.getUint16(14), view.getUint16(16)];
  if (first >> 4 !== VERSION || kind === undefined || piece >= pieces) {
    return undefined;
  }
  const isAfterDrop = (view.getUint8(1) & DROPPED_BEFORE) !== 0;
  return { kind, run: getUint48(view, 2), number: getUint48(view, 8), isAfterDrop, piece, pieces, payload: new Uint8Array(bytes.buffer, bytes.byteOffset + HEADER_BYTES, bytes.byteLength - HEADER_BYTES) };
}

/** Serialises a frame into messages of at most `maxPayload` bytes each. Its data must not be above {@link MAX_FRAME_BYTES}. */
export function writeFrame({ run, number, isAfterDrop, frame }: NumberedFrame, maxPayload: number): readonly Uint8Array[] {
  const meta = writeMeta(frame);
  const metaBytes = Buffer.byteLength(meta);
  const size = RECORD_HEADER_BYTES + metaBytes + frame.data.byteLength;
  // One block for header and record: what is allocated for each frame is what costs most here.
  const message = Buffer.allocUnsafe(HEADER_BYTES + size);
  message.writeUInt32BE(metaBytes, HEADER_BYTES);
  message.writeUInt32BE(frame.data.byteLength, HEADER_BYTES + 4);
  message.write(meta, HEADER_BYTES + RECORD_HEADER_BYTES);
  message.set(frame.data, HEADER_BYTES + RECORD_HEADER_BYTES + metaBytes);
  const room = Math.max(1, Math.min(maxPayload, MAX_PIECE_BYTES) - HEADER_BYTES);
  const pieces = Math.ceil(size / room);
  if (pieces === 1) {
    writeHeader(message, { kind: 'frame', run, number, isAfterDrop, piece: 0, pieces });
    return [message];
  }
  const record = message.subarray(HEADER_BYTES);
  return Array.from({ length: pieces }, (_, piece) =>
    writeMessage({ kind: 'frame', run, number, isAfterDrop, piece, pieces, payload: record.subarray(piece * room, (piece + 1) * room) }),
  );
}

/** Reads the frame of a joined record; undefined where it is damaged, or none of this track. */
export function readFrame(record: Uint8Array, broadcast: BroadcastId, track: TrackName): Frame | undefined {
  if (record.byteLength < 8) {
    return undefined;
  }
  const view = new DataView(record.buffer, record.byteOffset, record.byteLength);
  const metaEnd = 8 + view.getUint32(0);
  if (metaEnd + view.getUint32(4) !== record.byteLength) {
    return undefined;
  }
  try {
    const frame = readRecord(record.subarray(8, metaEnd), ownBytes(record.subarray(metaEnd)));
    return frame.broadcast === broadcast && frame.track === track && isSound(frame) ? frame : undefined;
  } catch {
    return undefined;
  }
}

/** A group's first frame has its head; places and times are whole numbers from 0 on. */
function isSound({ epoch, fence, group, index, pts, dts, duration, head }: Frame): boolean {
  return [epoch, fence, group, index, pts, dts, duration].every(isCount) && (index > 0 || (head !== undefined && head.config.timescale > 0));
}

/** Frames are kept for seconds: one must not hold on to a large block in which others came too. */
function ownBytes(data: Uint8Array): Uint8Array {
  return data.byteLength * 2 < data.buffer.byteLength ? data.slice() : data;
}

/** Tells whether a value is a whole number from 0 to 2^53. */
export function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function kindOf(code: number): MessageKind | undefined {
  return code === KINDS.frame ? 'frame' : code === KINDS.offer ? 'offer' : code === KINDS.end ? 'end' : undefined;
}

function setUint48(view: DataView, at: number, value: number): void {
  view.setUint16(at, Math.floor(value / 2 ** 32));
  view.setUint32(at + 2, value % 2 ** 32);
}

function getUint48(view: DataView, at: number): number {
  return view.getUint16(at) * 2 ** 32 + view.getUint32(at + 2);
}
