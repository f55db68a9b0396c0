import { readUint16, readUint32, writeUint16, writeUint32 } from './bytes.ts';

/**
 * The header of an RTP packet (RFC 3550, 5.1) with its extensions (RFC 8285).
 *
 *      0                   1                   2                   3
 *      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     |V=2|P|X|  CC   |M|     PT      |       sequence number         |
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     |                           timestamp                           |
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     |           synchronization source (SSRC) identifier            |
 *     +=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+
 *     |            contributing source (CSRC) identifiers             |
 *     |                             ....                              |
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     |      defined by profile       |   length in 32-bit words      |
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */

/** Bytes of a header without contributing sources and extensions. */
export const RTP_HEADER_BYTES = 12;

/** "defined by profile" of one-byte extensions, RFC 8285, 4.2. */
export const ONE_BYTE_PROFILE = 0xbede;

/** "defined by profile" of two-byte extensions with appbits 0, RFC 8285, 4.3. The low four bits are the application's. */
export const TWO_BYTE_PROFILE = 0x1000;

/** A parsed header. Offsets count from the packet's first byte. */
export type RtpHeader = {
  readonly payloadType: number;
  readonly marker: boolean;
  readonly sequenceNumber: number;
  readonly timestamp: number;
  readonly ssrc: number;
  /** Contributing sources: their number. They begin at byte 12. */
  readonly csrcCount: number;
  /** "defined by profile" of the extension; 0 where there is none. */
  readonly extensionProfile: number;
  /** Where the extension's elements begin, and how many bytes they are with their padding. */
  readonly extensionOffset: number;
  readonly extensionLength: number;
  readonly payloadOffset: number;
  /** Bytes of the payload, padding taken off. 0 for packets that are padding alone. */
  readonly payloadLength: number;
  /** Bytes of padding behind the payload, with the one that counts them. */
  readonly padding: number;
};

/** One header extension element: `id` 1 to 14 with 1 to 16 bytes in the one-byte form, 1 to 255 with up to 255 in the two-byte form. */
export type RtpExtension = { readonly id: number; readonly data: Uint8Array };

/** What {@link writeRtpHeader} writes. Counters are taken modulo their width. */
export type RtpHeaderFields = {
  readonly payloadType: number;
  readonly marker: boolean;
  readonly sequenceNumber: number;
  readonly timestamp: number;
  readonly ssrc: number;
  /** Sets the padding bit; the padding itself is the caller's. Default: false. */
  readonly padding?: boolean;
  /** Written in the one-byte form where all fit it, else in the two-byte form. Default: none. */
  readonly extensions?: readonly RtpExtension[];
};

/** Parses a packet's header; undefined where it is no whole RTP packet of version 2. Never throws. */
export function parseRtpHeader(packet: Uint8Array): RtpHeader | undefined {
  const length = packet.length;
  if (length < RTP_HEADER_BYTES) {
    return undefined;
  }
  const first = packet[0]!;
  if (first >> 6 !== 2) {
    return undefined;
  }
  const csrcCount = first & 0x0f;
  let at = RTP_HEADER_BYTES + 4 * csrcCount;
  let extensionProfile = 0;
  let extensionOffset = at;
  let extensionLength = 0;
  if ((first & 0x10) !== 0) {
    if (at + 4 > length) {
      return undefined;
    }
    extensionProfile = readUint16(packet, at);
    extensionLength = 4 * readUint16(packet, at + 2);
    extensionOffset = at + 4;
    at = extensionOffset + extensionLength;
  }
  if (at > length) {
    return undefined;
  }
  let padding = 0;
  if ((first & 0x20) !== 0) {
    padding = packet[length - 1]!;
    // RFC 3550, 5.1: the last octet counts the padding, "including itself".
    if (padding === 0 || at + padding > length) {
      return undefined;
    }
  }
  const second = packet[1]!;
  return {
    payloadType: second & 0x7f,
    marker: second >= 0x80,
    sequenceNumber: readUint16(packet, 2),
    timestamp: readUint32(packet, 4),
    ssrc: readUint32(packet, 8),
    csrcCount,
    extensionProfile,
    extensionOffset,
    extensionLength,
    payloadOffset: at,
    payloadLength: length - at - padding,
    padding,
  };
}

/** The payload of a parsed packet: a view. */
export function rtpPayload(packet: Uint8Array, header: RtpHeader): Uint8Array {
  return packet.subarray(header.payloadOffset, header.payloadOffset + header.payloadLength);
}

/**
 * The data of the header extension element `id`, as a view; undefined where it is absent or the extension is malformed before it.
 *
 *      0                   1
 *      0 1 2 3 4 5 6 7     0 1 2 3 4 5 6 7 0 1 2 3 4 5 6 7
 *     |  ID   | L - 1 |   |      ID       |       L       |   RFC 8285, 4.2 and 4.3
 */
export function readExtension(packet: Uint8Array, header: RtpHeader, id: number): Uint8Array | undefined {
  const oneByte = header.extensionProfile === ONE_BYTE_PROFILE;
  if (!oneByte && (header.extensionProfile & 0xfff0) !== TWO_BYTE_PROFILE) {
    return undefined;
  }
  const end = header.extensionOffset + header.extensionLength;
  for (let at = header.extensionOffset; at < end; ) {
    const first = packet[at]!;
    if (first === 0) {
      at += 1;
      continue;
    }
    let found = first;
    let data = at + 2;
    let length: number;
    if (oneByte) {
      found = first >> 4;
      // 4.2: "If the ID value 15 is used, [...] processing of the entire extension SHOULD terminate".
      if (found === 15) {
        return undefined;
      }
      data = at + 1;
      length = (first & 0x0f) + 1;
    } else {
      if (data > end) {
        return undefined;
      }
      length = packet[at + 1]!;
    }
    if (data + length > end) {
      return undefined;
    }
    if (found === id && id !== 0) {
      return packet.subarray(data, data + length);
    }
    at = data + length;
  }
  return undefined;
}

/** Bytes that {@link writeRtpHeader} needs for a header with these extensions. */
export function rtpHeaderLength(extensions: readonly RtpExtension[] = []): number {
  if (extensions.length === 0) {
    return RTP_HEADER_BYTES;
  }
  const each = fitOneByte(extensions) ? 1 : 2;
  const elements = extensions.reduce((sum, { data }) => sum + each + data.length, 0);
  return RTP_HEADER_BYTES + 4 + 4 * Math.ceil(elements / 4);
}

/**
 * Writes a header without contributing sources.
 *
 * @returns where it ends: the payload's place.
 * @throws {RangeError} where it does not fit, or an extension's id or length has no form.
 */
export function writeRtpHeader(bytes: Uint8Array, at: number, fields: RtpHeaderFields): number {
  const { extensions = [], sequenceNumber, timestamp, ssrc } = fields;
  const end = at + rtpHeaderLength(extensions);
  if (end > bytes.length) {
    throw new RangeError('no room for the RTP header');
  }
  bytes[at] = 0x80 | (fields.padding === true ? 0x20 : 0) | (extensions.length > 0 ? 0x10 : 0);
  bytes[at + 1] = (fields.marker ? 0x80 : 0) | (fields.payloadType & 0x7f);
  writeUint16(bytes, at + 2, sequenceNumber);
  writeUint32(bytes, at + 4, timestamp);
  writeUint32(bytes, at + 8, ssrc);
  if (extensions.length > 0) {
    writeExtensions(bytes, at + RTP_HEADER_BYTES, end, extensions);
  }
  return end;
}

function writeExtensions(bytes: Uint8Array, start: number, end: number, extensions: readonly RtpExtension[]): void {
  const oneByte = fitOneByte(extensions);
  const profile = oneByte ? ONE_BYTE_PROFILE : TWO_BYTE_PROFILE;
  const words = (end - start - 4) / 4;
  writeUint16(bytes, start, profile);
  writeUint16(bytes, start + 2, words);
  let at = start + 4;
  for (const { id, data } of extensions) {
    if (id < 1 || id > 255 || data.length > 255) {
      throw new RangeError(`header extension ${id} of ${data.length} bytes`);
    }
    if (oneByte) {
      bytes[at] = (id << 4) | (data.length - 1);
      at += 1;
    } else {
      bytes[at] = id;
      bytes[at + 1] = data.length;
      at += 2;
    }
    bytes.set(data, at);
    at += data.length;
  }
  bytes.fill(0, at, end);
}

function fitOneByte(extensions: readonly RtpExtension[]): boolean {
  return extensions.every(({ id, data }) => id >= 1 && id <= 14 && data.length >= 1 && data.length <= 16);
}
