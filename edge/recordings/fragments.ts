import { BOX_HEADER } from '#core/media/containers/fmp4/box.ts';
import { MillraceError } from '#core/runtime/errors.ts';

import { readMoof, type Moof } from './mp4/read-moof.ts';

/** Reads so many bytes of a segment at a place, or fewer at its end. */
export type SliceReader = (offset: number, length: number) => Promise<Uint8Array | undefined>;

/** A fragment of a segment: its samples, and where in the segment their bytes lie. */
export type Fragment = { readonly samples: Moof['samples']; readonly offset: number; readonly length: number };

/** Segments up to this size are read at once: reading is dearer by the call than by the byte. */
const READ_WHOLE = 96 * 1024;

/** Holds a `prft`, a message or two and the `moof` of a part. */
const WINDOW = 2048;

/**
 * Reads what the `moof`s of a segment tell, and of the rest as little as possible.
 *
 * @throws {MillraceError} `media/malformed` where the bytes are not such a segment; `recording/gone` where they are not there any more.
 */
export async function readFragments(read: SliceReader, size: number): Promise<Fragment[]> {
  const fragments: Fragment[] = [];
  const bytes = new SegmentBytes(read, size);
  for (let at = 0; at < size; ) {
    const header = await bytes.at(at, 16);
    const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
    const type = String.fromCharCode(...header.subarray(4, 8));
    let length = view.getUint32(0);
    if (length === 1 && header.length >= 16) {
      length = view.getUint32(8) * 0x1_0000_0000 + view.getUint32(12);
    }
    if (length < BOX_HEADER || at + length > size) {
      throw new MillraceError('media/malformed', `At byte ${at} of a segment of ${size}: ${type} says it has ${length} bytes.`);
    }
    if (type === 'moof') {
      const moof = readMoof(await bytes.at(at, length));
      const fragment = { samples: moof.samples, offset: at + moof.dataOffset, length: moof.dataSize };
      if (fragment.offset + fragment.length > size) {
        throw new MillraceError('media/malformed', 'A fragment says that it has samples behind the end of its segment.');
      }
      fragments.push(fragment);
    }
    at += length;
  }
  return fragments;
}

/** A segment of which a window is in memory. */
class SegmentBytes {
  readonly #read: SliceReader;
  readonly #size: number;
  #window = new Uint8Array(0);
  #start = 0;

  constructor(read: SliceReader, size: number) {
    this.#read = read;
    this.#size = size;
  }

  /** The bytes at a place; fewer only at the segment's end. */
  async at(offset: number, wanted: number): Promise<Uint8Array> {
    const length = Math.min(wanted, this.#size - offset);
    if (offset < this.#start || offset + length > this.#start + this.#window.length) {
      const found = this.#size <= READ_WHOLE ? await this.#read(0, this.#size) : await this.#read(offset, Math.min(Math.max(WINDOW, length), this.#size - offset));
      this.#start = this.#size <= READ_WHOLE ? 0 : offset;
      if (found === undefined || this.#start + found.length < offset + length) {
        throw new MillraceError('recording/gone', 'Bytes of a recording are not there any more.');
      }
      this.#window = Uint8Array.from(found);
    }
    return this.#window.subarray(offset - this.#start, offset - this.#start + length);
  }
}
