/**
 * The box (ISO/IEC 14496-12, 4.2), the unit of every MP4 file:
 *
 * ```
 *  0               4               8
 * +---------------+---------------+----------------------
 * | size (32)     | type (4CC)    | payload: size - 8 bytes
 * +---------------+---------------+----------------------
 * ```
 *
 * A full box begins its payload with version (8 bits) and flags (24 bits).
 */

/** Bytes before the payload of a box. */
export const BOX_HEADER = 8;

/** Bytes before the payload of a full box. */
export const FULL_BOX_HEADER = 12;

/** A box of the given type around its payload, which may be given in pieces (fields, child boxes). */
export function box(type: string, ...payload: readonly Uint8Array[]): Uint8Array {
  const size = payload.reduce((sum, piece) => sum + piece.length, BOX_HEADER);
  const out = new Uint8Array(size);
  const view = new DataView(out.buffer);
  view.setUint32(0, size);
  view.setUint32(4, fourCc(type));
  let at = BOX_HEADER;
  for (const piece of payload) {
    out.set(piece, at);
    at += piece.length;
  }
  return out;
}

/** A full box: version and flags, then the payload. */
export function fullBox(type: string, version: number, flags: number, ...payload: readonly Uint8Array[]): Uint8Array {
  return box(type, u32(((version << 24) | flags) >>> 0), ...payload);
}

/** A four-character code as the number it is stored as. */
export function fourCc(type: string): number {
  return ((type.charCodeAt(0) << 24) | (type.charCodeAt(1) << 16) | (type.charCodeAt(2) << 8) | type.charCodeAt(3)) >>> 0;
}

/** Bytes, as they are. */
export function u8(...values: readonly number[]): Uint8Array {
  return Uint8Array.from(values);
}

/** Unsigned 16-bit fields. */
export function u16(...values: readonly number[]): Uint8Array {
  const out = new Uint8Array(values.length * 2);
  const view = new DataView(out.buffer);
  values.forEach((value, index) => view.setUint16(index * 2, value));
  return out;
}

/** Unsigned 32-bit fields. */
export function u32(...values: readonly number[]): Uint8Array {
  const out = new Uint8Array(values.length * 4);
  const view = new DataView(out.buffer);
  values.forEach((value, index) => view.setUint32(index * 4, value));
  return out;
}

/** Reserved fields and fields that are zero. */
export function zeros(count: number): Uint8Array {
  return new Uint8Array(count);
}

/** ASCII text without an end mark. */
export function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
