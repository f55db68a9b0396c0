/** Packets that may come late and still be accepted; RFC 3711, 3.3.2 asks for 64 at least. */
export const REPLAY_WINDOW = 128;

/** Words of the ring: the window and one word that is being filled. A power of two, so that a mask finds the place. */
const WORDS = 8;

/** Which of the last {@link REPLAY_WINDOW} packet indices have been seen: a ring of bits that slides with the highest one (RFC 6479). */
export class ReplayWindow {
  #highest = -1;
  readonly #bits = new Uint32Array(WORDS);

  /** The highest index recorded; -1 before the first. */
  get highest(): number {
    return this.#highest;
  }

  /** Whether the packet is neither a repetition nor too old to know. */
  accepts(index: number): boolean {
    if (index > this.#highest) {
      return true;
    }
    if (this.#highest - index >= REPLAY_WINDOW) {
      return false;
    }
    return ((this.#bits[wordOf(index)] ?? 0) & bitOf(index)) === 0;
  }

  /** Remembers an accepted, authenticated packet. */
  record(index: number): void {
    if (index > this.#highest) {
      const fresh = Math.min(Math.floor(index / 32) - Math.floor(this.#highest / 32), WORDS);
      for (let i = 0; i < fresh; i += 1) {
        this.#bits[wordOf(index - i * 32)] = 0;
      }
      this.#highest = index;
    }
    const word = wordOf(index);
    this.#bits[word] = (this.#bits[word] ?? 0) | bitOf(index);
  }
}

function wordOf(index: number): number {
  // Indices have up to 48 bits: no shift before the division.
  return Math.floor(index / 32) % WORDS;
}

function bitOf(index: number): number {
  return 1 << (index % 32);
}
