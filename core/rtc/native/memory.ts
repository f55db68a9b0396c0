import { nativeLibrary } from './library.ts';

/** A buffer that native code may be told of. */
export class Memory {
  readonly bytes: Buffer;
  readonly view: DataView;
  /** The whole words of the memory that the bytes are a part of: word 0 begins at its first byte, not at `bytes[0]`. */
  readonly words: Uint32Array;
  #address = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.words = new Uint32Array(bytes.buffer, 0, bytes.buffer.byteLength >> 2);
  }

  /** Zeroed memory of its own, outside of the pool that small buffers share. */
  static alloc(length: number): Memory {
    return new Memory(Buffer.alloc(length));
  }

  /** Where the first byte lies; 0 where there is no native code to tell. Found at the first question. */
  get address(): number {
    if (this.#address === 0) {
      this.#address = nativeLibrary().library?.addressOf(this.bytes) ?? 0;
    }
    return this.#address;
  }
}
