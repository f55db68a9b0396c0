import { MillraceError } from '../../../runtime/errors.ts';

/**
 * The body of a video tag (FLV 10.1, E.4.3.1; Enhanced RTMP v2, "Enhanced Video"), which is also the payload of an RTMP
 * video message.
 *
 *      legacy   | frame type 4 | codec id 4 | AVC packet type 8 | composition time 24, signed | data
 *      enhanced | 1 | frame type 3 | packet type 4 | FourCC 32 | (composition time 24, signed) | data
 */
export type VideoTag =
  /** The payload of `avcC`. */
  | { readonly type: 'sequence-start'; readonly data: Uint8Array }
  /** One access unit; `compositionTime` in milliseconds, signed. */
  | { readonly type: 'frame'; readonly compositionTime: number; readonly data: Uint8Array }
  | { readonly type: 'sequence-end' }
  /** Nothing to show: a command frame or metadata such as colour information. */
  | { readonly type: 'other' }
  /** Video that is not H.264 of one track; `what` names it. */
  | { readonly type: 'unsupported'; readonly what: string };

const FRAME_TYPE_COMMAND = 5;
const CODEC_AVC = 7;
const CODEC_NAMES: Readonly<Record<number, string>> = {
  1: 'JPEG', 2: 'Sorenson H.263', 3: 'Screen video', 4: 'VP6', 5: 'VP6 with alpha', 6: 'Screen video 2', 8: 'H.263', 9: 'MPEG-4 part 2', 12: 'HEVC', 13: 'AV1',
};

const AVC_SEQUENCE_HEADER = 0;
const AVC_NALU = 1;
const AVC_END_OF_SEQUENCE = 2;

const PACKET_SEQUENCE_START = 0;
const PACKET_CODED_FRAMES = 1;
const PACKET_SEQUENCE_END = 2;
const PACKET_CODED_FRAMES_X = 3;
const PACKET_METADATA = 4;
const PACKET_MULTITRACK = 6;
const PACKET_MOD_EX = 7;

const FOURCC_NAMES: Readonly<Record<string, string>> = { hvc1: 'HEVC', hev1: 'HEVC', av01: 'AV1', vp08: 'VP8', vp09: 'VP9', vvc1: 'VVC' };

/**
 * Parses the body of a video tag. `data` fields are views of `body`.
 *
 * @throws {MillraceError} `media/truncated` or `media/malformed`.
 */
export function parseVideoTag(body: Uint8Array): VideoTag {
  const first = byteAt(body, 0);
  return (first & 0x80) === 0 ? parseLegacy(body, first) : parseEnhanced(body, first);
}

function parseLegacy(body: Uint8Array, first: number): VideoTag {
  const codec = first & 0x0f;
  if (first >> 4 === FRAME_TYPE_COMMAND) {
    return { type: 'other' };
  }
  if (codec !== CODEC_AVC) {
    return { type: 'unsupported', what: CODEC_NAMES[codec] ?? `video codec ${codec}` };
  }
  switch (byteAt(body, 1)) {
    case AVC_SEQUENCE_HEADER:
      return { type: 'sequence-start', data: from(body, 5) };
    case AVC_NALU:
      return { type: 'frame', compositionTime: signed24(body, 2), data: from(body, 5) };
    case AVC_END_OF_SEQUENCE:
      return { type: 'sequence-end' };
    default:
      throw new MillraceError('media/malformed', `AVC packet type ${body[1]}`);
  }
}

function parseEnhanced(body: Uint8Array, first: number): VideoTag {
  const packetType = first & 0x0f;
  if (packetType === PACKET_MOD_EX) {
    return { type: 'unsupported', what: 'modifier extensions (ModEx)' };
  }
  if (packetType !== PACKET_METADATA && ((first >> 4) & 7) === FRAME_TYPE_COMMAND) {
    return { type: 'other' };
  }
  if (packetType === PACKET_MULTITRACK) {
    return { type: 'unsupported', what: 'several video tracks (multitrack)' };
  }
  const fourCc = fourCcAt(body, 1);
  if (fourCc !== 'avc1') {
    return { type: 'unsupported', what: FOURCC_NAMES[fourCc] ?? `video codec ${printable(fourCc)}` };
  }
  switch (packetType) {
    case PACKET_SEQUENCE_START:
      return { type: 'sequence-start', data: from(body, 5) };
    case PACKET_CODED_FRAMES:
      return { type: 'frame', compositionTime: signed24(body, 5), data: from(body, 8) };
    case PACKET_CODED_FRAMES_X:
      return { type: 'frame', compositionTime: 0, data: from(body, 5) };
    case PACKET_SEQUENCE_END:
      return { type: 'sequence-end' };
    case PACKET_METADATA:
      return { type: 'other' };
    default:
      throw new MillraceError('media/malformed', `video packet type ${packetType}`);
  }
}

/** A byte of a tag's body. */
export function byteAt(body: Uint8Array, at: number): number {
  const byte = body[at];
  if (byte === undefined) {
    throw new MillraceError('media/truncated', `FLV tag of ${body.length} bytes`);
  }
  return byte;
}

/** The rest of a tag's body from an offset that must exist. */
export function from(body: Uint8Array, at: number): Uint8Array {
  if (at > body.length) {
    throw new MillraceError('media/truncated', `FLV tag of ${body.length} bytes`);
  }
  return body.subarray(at);
}

/** Four characters. */
export function fourCcAt(body: Uint8Array, at: number): string {
  return String.fromCharCode(byteAt(body, at), byteAt(body, at + 1), byteAt(body, at + 2), byteAt(body, at + 3));
}

/** A FourCC as it may stand in a message to people. */
export function printable(fourCc: string): string {
  return /^[\w. -]{4}$/.test(fourCc) ? `'${fourCc}'` : 'unknown';
}

function signed24(body: Uint8Array, at: number): number {
  const value = (byteAt(body, at) << 16) | (byteAt(body, at + 1) << 8) | byteAt(body, at + 2);
  // SI24: -1 ms is 0xffffff.
  return (value << 8) >> 8;
}
