import { MillraceError } from '../../../runtime/errors.ts';

/**
 * NAL units of H.264 in their two byte forms: length-prefixed (ISO/IEC 14496-15, 5.3.4.2) and Annex B.
 *
 *      +---------------+
 *      |0|1|2|3|4|5|6|7|
 *      |F|NRI|  Type   |   nal_unit header, H.264, 7.3.1
 *      +---------------+
 */

/** `nal_unit_type` values (H.264, table 7-1) that Millrace tells apart. */
export const NAL_SLICE = 1;
/** A slice of data partition A. */
export const NAL_PARTITION_A = 2;
/** A slice of an IDR picture. */
export const NAL_IDR = 5;
/** Supplemental enhancement information. */
export const NAL_SEI = 6;
/** Sequence parameter set. */
export const NAL_SPS = 7;
/** Picture parameter set. */
export const NAL_PPS = 8;
/** Access unit delimiter. */
export const NAL_AUD = 9;
/** End of sequence. */
export const NAL_END_OF_SEQUENCE = 10;
/** End of stream. */
export const NAL_END_OF_STREAM = 11;
/** Filler data. */
export const NAL_FILLER = 12;
/** Sequence parameter set extension. */
export const NAL_SPS_EXTENSION = 13;

/**
 * NAL units of one access unit at most. An encoder that cuts its slices for packets of 1,200 bytes makes 7,000 of 8 MiB;
 * one of lengths and empty slices would make millions, each of which becomes a view.
 */
const MAX_NAL_UNITS = 8192;

/** Size of the length field before a NAL unit: `lengthSizeMinusOne` + 1. */
export type LengthSize = 1 | 2 | 4;

/** `nal_unit_type` of a NAL unit; 0 for an empty one. */
export function nalType(nal: Uint8Array): number {
  return (nal[0] ?? 0) & 0x1f;
}

/**
 * The NAL units of a length-prefixed access unit, as views of `data`. Empty units are left out.
 *
 * @throws {MillraceError} `media/truncated` where a length leads past the end, `media/malformed` where there are more than 8,192.
 */
export function splitLengthPrefixed(data: Uint8Array, lengthSize: LengthSize = 4): Uint8Array[] {
  const units: Uint8Array[] = [];
  let at = 0;
  while (at < data.length) {
    if (at + lengthSize > data.length) {
      throw new MillraceError('media/truncated', 'NAL unit length past the end of the access unit');
    }
    let length = 0;
    for (let i = 0; i < lengthSize; i += 1) {
      length = length * 256 + (data[at + i] ?? 0);
    }
    at += lengthSize;
    if (at + length > data.length) {
      throw new MillraceError('media/truncated', 'NAL unit past the end of the access unit');
    }
    if (length > 0) {
      pushUnit(units, data, at, at + length);
    }
    at += length;
  }
  return units;
}

/**
 * The NAL units of an Annex B byte stream (H.264, B.1), as views of `data`, start codes and trailing zeros removed.
 *
 * @throws {MillraceError} `media/malformed` where there are more than 8,192.
 */
export function splitAnnexB(data: Uint8Array): Uint8Array[] {
  const units: Uint8Array[] = [];
  let start = -1;
  for (let at = 0; at + 2 < data.length; ) {
    // Looks at the third byte first: most steps are then three bytes wide.
    const third = data[at + 2] ?? 0;
    if (third > 1) {
      at += 3;
    } else if (third === 1 && data[at] === 0 && data[at + 1] === 0) {
      pushTrimmed(units, data, start, at);
      start = at + 3;
      at += 3;
    } else {
      at += 1;
    }
  }
  pushTrimmed(units, data, start, data.length);
  return units;
}

/** NAL units with 4-byte lengths: the form of `Frame.data`. Always a new buffer. */
export function joinLengthPrefixed(units: readonly Uint8Array[]): Uint8Array {
  return join(units, (out, at, length) => {
    out[at] = length >>> 24;
    out[at + 1] = length >>> 16;
    out[at + 2] = length >>> 8;
    out[at + 3] = length;
  });
}

/** NAL units with 4-byte start codes (H.264, Annex B). Always a new buffer. */
export function joinAnnexB(units: readonly Uint8Array[]): Uint8Array {
  return join(units, (out, at) => {
    out[at + 3] = 1;
  });
}

/** Annex B to 4-byte lengths. */
export function annexBToLengthPrefixed(data: Uint8Array): Uint8Array {
  return joinLengthPrefixed(splitAnnexB(data));
}

/**
 * Length-prefixed to Annex B with 4-byte start codes; `before` (parameter sets) goes in front.
 *
 * @throws {MillraceError} `media/truncated` as {@link splitLengthPrefixed}.
 */
export function lengthPrefixedToAnnexB(data: Uint8Array, options: { readonly lengthSize?: LengthSize; readonly before?: readonly Uint8Array[] } = {}): Uint8Array {
  return joinAnnexB([...(options.before ?? []), ...splitLengthPrefixed(data, options.lengthSize ?? 4)]);
}

/** Removes `emulation_prevention_three_byte`s: the RBSP of a NAL unit's payload (H.264, 7.3.1). */
export function unescapeRbsp(payload: Uint8Array): Uint8Array {
  const out = new Uint8Array(payload.length);
  let length = 0;
  let zeros = 0;
  for (const byte of payload) {
    if (zeros >= 2 && byte === 3) {
      zeros = 0;
      continue;
    }
    zeros = byte === 0 ? zeros + 1 : 0;
    out[length] = byte;
    length += 1;
  }
  return out.subarray(0, length);
}

/** Inserts `emulation_prevention_three_byte`s: the counterpart of {@link unescapeRbsp}. */
export function escapeRbsp(rbsp: Uint8Array): Uint8Array {
  const out: number[] = [];
  let zeros = 0;
  for (const byte of rbsp) {
    if (zeros >= 2 && byte <= 3) {
      out.push(3);
      zeros = 0;
    }
    zeros = byte === 0 ? zeros + 1 : 0;
    out.push(byte);
  }
  return Uint8Array.from(out);
}

function pushTrimmed(units: Uint8Array[], data: Uint8Array, start: number, end: number): void {
  if (start < 0) {
    return;
  }
  let last = end;
  while (last > start && data[last - 1] === 0) {
    last -= 1;
  }
  if (last > start) {
    pushUnit(units, data, start, last);
  }
}

function pushUnit(units: Uint8Array[], data: Uint8Array, start: number, end: number): void {
  if (units.length === MAX_NAL_UNITS) {
    throw new MillraceError('media/malformed', `an access unit of more than ${MAX_NAL_UNITS} NAL units`);
  }
  units.push(data.subarray(start, end));
}

function join(units: readonly Uint8Array[], prefix: (out: Uint8Array, at: number, length: number) => void): Uint8Array {
  const out = new Uint8Array(units.reduce((sum, unit) => sum + 4 + unit.length, 0));
  let at = 0;
  for (const unit of units) {
    prefix(out, at, unit.length);
    out.set(unit, at + 4);
    at += 4 + unit.length;
  }
  return out;
}
