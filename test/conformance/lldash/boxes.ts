/** A box of ISO/IEC 14496-12 with its payload. */
export type Mp4Box = { readonly type: string; readonly payload: DataView };

/** A message of an `emsg` of version 1 (ISO/IEC 23009-1, 5.10.3.3). `time` in seconds of media time. */
export type Emsg = { readonly scheme: string; readonly value: string; readonly id: number; readonly time: number; readonly text: string };

/** The top-level boxes of a file or segment. Throws an Error where they do not fit. */
export function topBoxes(bytes: Uint8Array): Mp4Box[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const boxes: Mp4Box[] = [];
  for (let at = 0; at < view.byteLength; ) {
    const size = view.byteLength - at >= 8 ? view.getUint32(at) : 0;
    if (size < 8 || at + size > view.byteLength) {
      throw new Error(`a box at byte ${at} does not fit`);
    }
    boxes.push({ type: String.fromCharCode(...bytes.subarray(at + 4, at + 8)), payload: new DataView(view.buffer, view.byteOffset + at + 8, size - 8) });
    at += size;
  }
  return boxes;
}

/** Wall time (milliseconds since the Unix epoch) and media time (ticks) of a `prft` of version 1 (ISO/IEC 14496-12, 8.16.5). */
export function readPrft({ payload }: Mp4Box): { readonly wallTime: number; readonly media: number } {
  const [seconds, fraction] = [payload.getUint32(8), payload.getUint32(12)];
  const media = payload.getUint8(0) === 1 ? Number(payload.getBigUint64(16)) : payload.getUint32(16);
  return { wallTime: (seconds - 2_208_988_800) * 1000 + (fraction / 2 ** 32) * 1000, media };
}

/** Reads an `emsg` of version 1. */
export function readEmsg({ payload }: Mp4Box): Emsg {
  const strings = new TextDecoder().decode(new Uint8Array(payload.buffer, payload.byteOffset + 24, payload.byteLength - 24)).split('\0');
  const [scheme = '', value = '', ...text] = strings;
  return { scheme, value, id: payload.getUint32(20), time: Number(payload.getBigUint64(8)) / payload.getUint32(4), text: text.join('\0') };
}
