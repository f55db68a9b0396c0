import { BOX_HEADER, fourCc, u32 } from '#core/media/containers/fmp4/box.ts';

/** Bytes in a row that are never put together in memory: the tables of a long movie are tens of megabytes. */
export type Pieces = { readonly size: number; readonly parts: readonly Uint8Array[] };

/** Pieces in a row. */
export function pieces(...parts: readonly (Uint8Array | Pieces)[]): Pieces {
  const flat = parts.flatMap((part) => (part instanceof Uint8Array ? [part] : part.parts));
  return { size: flat.reduce((sum, { length }) => sum + length, 0), parts: flat };
}

/** A box (ISO/IEC 14496-12, 4.2) around its payload. */
export function boxOf(type: string, ...payload: readonly (Uint8Array | Pieces)[]): Pieces {
  const inside = pieces(...payload);
  return pieces(u32(inside.size + BOX_HEADER, fourCc(type)), inside);
}

/** A full box: version and flags, then the payload. */
export function fullBoxOf(type: string, version: number, flags: number, ...payload: readonly (Uint8Array | Pieces)[]): Pieces {
  return boxOf(type, u32(((version << 24) | flags) >>> 0), ...payload);
}

/** Unsigned 64-bit fields, exact up to 2^53. */
export function u64(...values: readonly number[]): Uint8Array {
  return u32(...values.flatMap((value) => [Math.floor(value / 0x1_0000_0000), value >>> 0]));
}
