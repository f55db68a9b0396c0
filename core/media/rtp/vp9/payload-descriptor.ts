import { readUint16 } from '../bytes.ts';

/**
 * The payload descriptor of VP9, RFC 9628, 4.2.
 *
 *      0 1 2 3 4 5 6 7
 *     +-+-+-+-+-+-+-+-+
 *     |I|P|L|F|B|E|V|Z|   REQUIRED
 *     |M| PICTURE ID  |   with I, two bytes with M
 *     | TID |U| SID |D|   with L
 *     |   TL0PICIDX   |   with L and without F
 *     |    P_DIFF   |N|   with P and F, up to three times
 *     | SS            |   with V
 *     +-+-+-+-+-+-+-+-+
 */
export type Vp9Descriptor = {
  readonly length: number;
  /** B: start of a layer frame. */
  readonly begins: boolean;
  /** E: end of a layer frame. */
  readonly ends: boolean;
  /** SID; 0 without L. */
  readonly spatialLayer: number;
  /** Sizes of the spatial layers where a scalability structure gives them. */
  readonly sizes?: readonly { readonly width: number; readonly height: number }[];
};

/** Parses it; undefined where it is cut off or nothing comes behind it. */
export function parseVp9Descriptor(payload: Uint8Array): Vp9Descriptor | undefined {
  const flags = payload[0] ?? 0;
  const flexible = (flags & 0x10) !== 0;
  let at = 1;
  if ((flags & 0x80) !== 0) {
    at += ((payload[at] ?? 0) & 0x80) !== 0 ? 2 : 1;
  }
  let spatialLayer = 0;
  if ((flags & 0x20) !== 0) {
    spatialLayer = ((payload[at] ?? 0) >> 1) & 7;
    at += flexible ? 1 : 2;
  }
  if (flexible && (flags & 0x40) !== 0) {
    for (let i = 1, more = true; more; i += 1, at += 1) {
      more = ((payload[at] ?? 0) & 1) !== 0;
      if (more && i === 3) {
        return undefined; // "This field is repeated up to three times"
      }
    }
  }
  let sizes: Vp9Descriptor['sizes'];
  if ((flags & 0x02) !== 0) {
    const structure = scalabilityStructure(payload, at);
    at = structure.end;
    sizes = structure.sizes;
  }
  if (at >= payload.length) {
    return undefined;
  }
  return { length: at, begins: (flags & 0x08) !== 0, ends: (flags & 0x04) !== 0, spatialLayer, ...(sizes !== undefined && { sizes }) };
}

/** 4.2.1: N_S 3, Y 1, G 1, reserved 3; with Y width 16 and height 16 of each layer; with G N_G 8 and that many picture descriptions. */
function scalabilityStructure(payload: Uint8Array, start: number): { readonly end: number; readonly sizes?: { width: number; height: number }[] } {
  const first = payload[start] ?? 0;
  const layers = (first >> 5) + 1;
  let at = start + 1;
  let sizes: { width: number; height: number }[] | undefined;
  if ((first & 0x10) !== 0) {
    if (at + 4 * layers > payload.length) {
      return { end: payload.length };
    }
    sizes = [];
    for (let i = 0; i < layers; i += 1, at += 4) {
      sizes.push({ width: readUint16(payload, at), height: readUint16(payload, at + 2) });
    }
  }
  if ((first & 0x08) !== 0) {
    const pictures = payload[at] ?? 0;
    at += 1;
    for (let i = 0; i < pictures; i += 1) {
      // TID 3, U 1, R 2: the number of P_DIFF bytes behind it.
      at += 1 + (((payload[at] ?? 0) >> 2) & 3);
    }
  }
  return { end: at, ...(sizes !== undefined && { sizes }) };
}
