import { MillraceError } from '../../../runtime/errors.ts';

/**
 * Open bitstream units (AV1 Bitstream & Decoding Process Specification, 5.3).
 *
 *      0 1 2 3 4 5 6 7
 *     +-+-+-+-+-+-+-+-+
 *     |F| type  |X|S|-|   forbidden, obu_type, obu_extension_flag, obu_has_size_field
 *     +-+-+-+-+-+-+-+-+
 *     | TID |SID| RSV |   with X
 *     | obu_size leb128   with S
 */

/** `obu_type` values (6.2.2) that Millrace tells apart. */
export const OBU_SEQUENCE_HEADER = 1;
/** Begins a temporal unit; no packet and no sample carries one. */
export const OBU_TEMPORAL_DELIMITER = 2;
/** A frame's header without its tiles. */
export const OBU_FRAME_HEADER = 3;
/** A frame's header with its tiles. */
export const OBU_FRAME = 6;
/** Tiles for large scale tile decoding. */
export const OBU_TILE_LIST = 8;
/** Filler. */
export const OBU_PADDING = 15;

const EXTENSION_FLAG = 0x04;
const HAS_SIZE = 0x02;

/** OBUs of one temporal unit at most: each becomes a view. */
const MAX_OBUS = 1024;

/** One unit, taken apart. */
export type Obu = {
  readonly type: number;
  /** First byte of the header, `obu_has_size_field` as it came. */
  readonly header: number;
  /** The extension byte; undefined without. */
  readonly extension: number | undefined;
  /** Behind header, extension and size. */
  readonly payload: Uint8Array;
};

/** `obu_type` of a header's first byte. */
export function obuType(header: number): number {
  return (header >> 3) & 0x0f;
}

/** `temporal_id` and `spatial_id` of an extension byte. */
export function obuLayers(extension: number | undefined): { readonly temporal: number; readonly spatial: number } {
  return { temporal: (extension ?? 0) >> 5, spatial: ((extension ?? 0) >> 3) & 3 };
}

/** Reads one unit that fills `bytes`, or the first of several where each has a size; undefined where it is malformed. `end` is where the next begins. */
export function readObu(bytes: Uint8Array, at = 0): (Obu & { readonly end: number }) | undefined {
  const header = bytes[at];
  if (header === undefined || header >= 0x80) {
    return undefined;
  }
  let payload = at + 1;
  let extension: number | undefined;
  if ((header & EXTENSION_FLAG) !== 0) {
    extension = bytes[payload];
    payload += 1;
    if (extension === undefined) {
      return undefined;
    }
  }
  let end = bytes.length;
  if ((header & HAS_SIZE) !== 0) {
    const size = readLeb128(bytes, payload);
    if (size === undefined || size.end + size.value > bytes.length) {
      return undefined;
    }
    payload = size.end;
    end = payload + size.value;
  }
  return { type: obuType(header), header, extension, payload: bytes.subarray(payload, end), end };
}

/**
 * The units of a temporal unit in low-overhead format (5.2), as views.
 *
 * @throws {MillraceError} `media/malformed` where one cannot be read or there are more than 1,024.
 */
export function splitObus(data: Uint8Array): Obu[] {
  const obus: Obu[] = [];
  for (let at = 0; at < data.length; ) {
    const obu = readObu(data, at);
    if (obu === undefined || obus.length === MAX_OBUS) {
      throw new MillraceError('media/malformed', obu === undefined ? 'an OBU that cannot be read' : `a temporal unit of more than ${MAX_OBUS} OBUs`);
    }
    obus.push(obu);
    at = obu.end;
  }
  return obus;
}

/** Header and extension of a unit, with its size behind them: what goes before its payload in `Frame.data`. */
export function sizedHeader(obu: Pick<Obu, 'header' | 'extension'>, payloadLength: number): Uint8Array {
  const head = obu.extension === undefined ? [obu.header | HAS_SIZE] : [obu.header | HAS_SIZE, obu.extension];
  return Uint8Array.of(...head, ...leb128(payloadLength));
}

/** Header and extension of a unit without its size, as RTP carries it. */
export function bareHeader(obu: Pick<Obu, 'header' | 'extension'>): Uint8Array {
  const header = obu.header & ~HAS_SIZE;
  return obu.extension === undefined ? Uint8Array.of(header) : Uint8Array.of(header, obu.extension);
}

/** `leb128()` (4.10.5): seven bits a byte, lowest first. Undefined where it is cut off or does not fit 32 bits. */
export function readLeb128(bytes: Uint8Array, at: number): { readonly value: number; readonly end: number } | undefined {
  let value = 0;
  for (let i = 0; i < 8; i += 1) {
    const byte = bytes[at + i];
    if (byte === undefined) {
      return undefined;
    }
    value += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) {
      return value <= 0xffff_ffff ? { value, end: at + i + 1 } : undefined;
    }
  }
  return undefined;
}

/** A number as `leb128()` in as few bytes as it needs. */
export function leb128(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) {
    bytes.push((rest & 0x7f) | 0x80);
  }
  bytes.push(rest);
  return bytes;
}

/** Bytes of {@link leb128}. */
export function leb128Length(value: number): number {
  let length = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) {
    length += 1;
  }
  return length;
}
