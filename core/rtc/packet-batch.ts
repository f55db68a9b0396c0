/** Datagrams of one batch: the most that the kernel cuts one buffer into (`UDP_MAX_SEGMENTS`, Linux before 6.9). */
export const MAX_BATCH_PACKETS = 64;

/** Bytes of one batch: the longest UDP payload over IPv4, which bounds a segmented send too. */
export const MAX_BATCH_BYTES = 65_507;

/**
 * RTP packets for one peer, side by side in one buffer with room behind each for its authentication tag: first plain, then,
 * protected in place, ready to be sent in one system call. One batch serves a whole thread: it is filled, sent and reset
 * without a wait in between.
 *
 * ```
 * | packet 0 | tag | packet 1 | tag | ...
 * ^ starts[0]      ^ starts[1]
 * ```
 */
export class PacketBatch {
  readonly bytes: Buffer = Buffer.alloc(MAX_BATCH_BYTES);
  readonly view: DataView = new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength);
  /** Where packet `i` begins. */
  readonly starts = new Uint32Array(MAX_BATCH_PACKETS);
  /** Bytes of packet `i`: without its tag until protected, then with it. */
  readonly lengths = new Uint32Array(MAX_BATCH_PACKETS);
  #count = 0;
  #end = 0;
  #overhead = 0;

  /** Packets in the batch. */
  get count(): number {
    return this.#count;
  }

  /** Bytes from the first packet to the end of the last one's tag. */
  get byteLength(): number {
    return this.#end;
  }

  /** Bytes kept free behind each packet. */
  get overhead(): number {
    return this.#overhead;
  }

  /** Empties the batch for a session whose protection adds `overhead` bytes to a packet. */
  reset(overhead: number): void {
    this.#count = 0;
    this.#end = 0;
    this.#overhead = overhead;
  }

  /** Whether another packet of `length` plain bytes has room. */
  fits(length: number): boolean {
    return this.#count < MAX_BATCH_PACKETS && this.#end + length + this.#overhead <= MAX_BATCH_BYTES;
  }

  /**
   * Takes room for a packet.
   *
   * @returns where in {@link bytes} to write its `length` plain bytes.
   * @throws {RangeError} where it does not fit: ask {@link fits} first.
   */
  add(length: number): number {
    if (!this.fits(length)) {
      throw new RangeError('the batch is full');
    }
    const at = this.#end;
    this.starts[this.#count] = at;
    this.lengths[this.#count] = length;
    this.#count += 1;
    this.#end = at + length + this.#overhead;
    return at;
  }
}
