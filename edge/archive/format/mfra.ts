import { box, fullBox, u32 } from '#core/media/containers/fmp4/box.ts';
import { TRACK_ID } from '#core/media/containers/fmp4/init-segment.ts';

import type { KeptSegment } from './index-line.ts';

/** Bytes of an entry of `tfra` as written here: time and offset of 64 bits, three numbers of 8 bits. */
const ENTRY = 19;

/**
 * Builds the `mfra` that ends a fragmented file (ISO/IEC 14496-12, 8.8.9 to 8.8.11): where each of its segments begins, so that players on a
 * desk can seek.
 *
 * ```
 * mfra
 *   tfra (1)  track_ID | reserved, lengths of the three numbers - 1 (all 0) | number_of_entry
 *             { time (64) | moof_offset (64) | traf (8) | trun (8) | sample (8) } ...
 *   mfro      size of mfra
 * ```
 */
export function mfra(segments: readonly KeptSegment[]): Uint8Array {
  const entries = segments.filter(({ key }) => key);
  const table = new Uint8Array(entries.length * ENTRY);
  const view = new DataView(table.buffer);
  entries.forEach(({ pts, offset, moof }, index) => {
    const at = index * ENTRY;
    view.setBigUint64(at, BigInt(pts));
    view.setBigUint64(at + 8, BigInt(offset + moof));
    table.set([1, 1, 1], at + 16);
  });
  const tfra = fullBox('tfra', 1, 0, u32(TRACK_ID, 0, entries.length), table);
  const size = 8 + tfra.length + 16;
  return box('mfra', tfra, fullBox('mfro', 0, 0, u32(size)));
}

/** Where the first `moof` of a segment begins; 0 where there is none in its first part. */
export function moofOffset(firstPart: Uint8Array): number {
  const view = new DataView(firstPart.buffer, firstPart.byteOffset, firstPart.byteLength);
  for (let at = 0; at + 8 <= firstPart.length; ) {
    if (view.getUint32(at + 4) === 0x6d6f_6f66) {
      return at;
    }
    const size = view.getUint32(at);
    if (size < 8) {
      break;
    }
    at += size;
  }
  return 0;
}
