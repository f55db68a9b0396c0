import type { Millis } from '../../media/time.ts';

const SPAN = 1000;
const PARTS = 10;

/** Bits per second received over the last second, in ten parts. */
export class ReceiveRate {
  readonly #bytes = new Float64Array(PARTS);
  #part = 0;
  #began: number | undefined;

  add(bytes: number, now: Millis): void {
    this.#moveTo(now);
    const at = this.#part % PARTS;
    this.#bytes[at] = (this.#bytes[at] ?? 0) + bytes;
  }

  /** The rate up to now; rises from 0 during the first second. */
  read(now: Millis): number {
    this.#moveTo(now);
    return this.#bytes.reduce((sum, bytes) => sum + bytes, 0) * 8 * (1000 / SPAN);
  }

  #moveTo(now: Millis): void {
    const part = Math.floor(now / (SPAN / PARTS));
    if (this.#began === undefined) {
      this.#began = part;
      this.#part = part;
    }
    for (let steps = Math.min(PARTS, part - this.#part); steps > 0; steps -= 1) {
      this.#bytes[(part - steps + 1) % PARTS] = 0;
    }
    this.#part = Math.max(this.#part, part);
  }
}
