import type { Frame } from '../../media/frame.ts';

/** Frames are copied into slabs of this size; a larger one has a slab of its own. A second or two of one stream. */
const SLAB_BYTES = 512 * 1024;

/** Makes the copy of a frame's bytes that threads share: one for all threads, however many ask. */
export class SharedBytes {
  /** By what is copied: another frame's bytes are another object, and with the frame its entry goes. */
  readonly #copies = new WeakMap<Uint8Array, Uint8Array>();
  #slab: SharedArrayBuffer | undefined;
  #used = 0;

  /** The frame as it can be posted: its bytes shared, not copied again, and nothing taken along that they are a part of. */
  frame(frame: Frame): Frame {
    const { head } = frame;
    const data = this.#share(frame.data);
    return head === undefined ? { ...frame, data } : { ...frame, data, head: ownBytes(head) };
  }

  #share(bytes: Uint8Array): Uint8Array {
    if (bytes.buffer instanceof SharedArrayBuffer) {
      return bytes;
    }
    let copy = this.#copies.get(bytes);
    if (copy === undefined) {
      copy = this.#room(bytes.byteLength);
      copy.set(bytes);
      this.#copies.set(bytes, copy);
    }
    return copy;
  }

  #room(length: number): Uint8Array {
    if (this.#slab === undefined || this.#used + length > this.#slab.byteLength) {
      this.#slab = new SharedArrayBuffer(Math.max(SLAB_BYTES, length));
      this.#used = 0;
    }
    const room = new Uint8Array(this.#slab, this.#used, length);
    this.#used += length;
    return room;
  }
}

/** The copy that every worker of this thread reads. */
export const sharedBytes = new SharedBytes();

/**
 * The value with each byte array that is a part of a larger buffer copied out of it: posting a part posts the whole. For small
 * values: catalogs, decoder configurations.
 */
export function ownBytes<T>(value: T): T {
  if (value instanceof Uint8Array) {
    return (value.byteLength === value.buffer.byteLength ? value : Uint8Array.from(value)) as T;
  }
  if (Array.isArray(value)) {
    return value.map(ownBytes) as T;
  }
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, ownBytes(part)])) as T;
  }
  return value;
}
