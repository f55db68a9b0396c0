import { MillraceError } from '../../../runtime/errors.ts';
import { BOX_HEADER } from './box.ts';

/** A box that was read. `payload` is a view of the bytes that were given. */
export type Box = {
  readonly type: string;
  /** Offset of the box in the bytes given, and its size, header included. */
  readonly start: number;
  readonly size: number;
  readonly payload: Uint8Array;
  /** Boxes inside; empty for a box that holds fields only. */
  readonly children: readonly Box[];
};

/** Bytes of fields before the children of each box that has children. */
const fieldsBeforeChildren: Readonly<Record<string, number>> = {
  moov: 0, trak: 0, edts: 0, mdia: 0, minf: 0, dinf: 0, stbl: 0, mvex: 0, moof: 0, traf: 0,
  dref: 8, stsd: 8, avc1: 78, mp4a: 28, Opus: 28,
};

/**
 * Reads bytes as a row of boxes (ISO/IEC 14496-12, 4.2), those inside others too. For tests, checkers and tools.
 *
 * @throws {MillraceError} `media/malformed` where a size does not fit.
 */
export function readBoxes(bytes: Uint8Array): Box[] {
  return readRange(bytes, 0, bytes.length);
}

/** The first box at a path of types, such as `moof/traf/tfdt`. */
export function findBox(boxes: readonly Box[], path: string): Box | undefined {
  const [type, ...rest] = path.split('/');
  for (const candidate of boxes) {
    if (candidate.type === type) {
      const found = rest.length === 0 ? candidate : findBox(candidate.children, rest.join('/'));
      if (found !== undefined) {
        return found;
      }
    }
  }
  return undefined;
}

/**
 * The first box at a path of types.
 *
 * @throws {MillraceError} `media/malformed` where there is none.
 */
export function requireBox(boxes: readonly Box[], path: string): Box {
  const found = findBox(boxes, path);
  if (found === undefined) {
    throw new MillraceError('media/malformed', `There is no box ${path}.`, { details: { path } });
  }
  return found;
}

function readRange(bytes: Uint8Array, from: number, to: number): Box[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const boxes: Box[] = [];
  for (let start = from; start < to; ) {
    if (to - start < BOX_HEADER) {
      throw badBox(start, `${to - start} bytes are left where a box needs ${BOX_HEADER}`);
    }
    let size = view.getUint32(start);
    const type = String.fromCharCode(...bytes.subarray(start + 4, start + 8));
    let headerSize = BOX_HEADER;
    if (size === 1) {
      if (to - start < 16) {
        throw badBox(start, `${type} has no room for its large size`);
      }
      size = view.getUint32(start + 8) * 0x1_0000_0000 + view.getUint32(start + 12);
      headerSize = 16;
    } else if (size === 0) {
      size = to - start;
    }
    if (size < headerSize || start + size > to) {
      throw badBox(start, `${type} says it has ${size} bytes; ${to - start} are left`);
    }
    const fields = fieldsBeforeChildren[type];
    const payloadStart = start + headerSize;
    boxes.push({
      type,
      start,
      size,
      payload: bytes.subarray(payloadStart, start + size),
      children: fields === undefined ? [] : readRange(bytes, Math.min(payloadStart + fields, start + size), start + size),
    });
    start += size;
  }
  return boxes;
}

function badBox(at: number, what: string): MillraceError {
  return new MillraceError('media/malformed', `At byte ${at}: ${what}.`, { details: { at } });
}
