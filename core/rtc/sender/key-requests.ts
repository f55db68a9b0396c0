import type { Millis } from '../../media/time.ts';

/** A key frame asked for more often than this cannot be shown sooner. */
const PAUSE = 300;

/** The peer's requests for a key frame: gathered, and passed on at most every 300 ms. None is lost. */
export class KeyRequests {
  #count = 0;
  #pending = false;
  #passedAt = Number.NEGATIVE_INFINITY;
  #firSequence: number | undefined;

  /** PLI and FIR so far, repetitions not counted. */
  get count(): number {
    return this.#count;
  }

  /** Picture loss indication, RFC 4585, 6.3.1. */
  pli(): void {
    this.#count += 1;
    this.#pending = true;
  }

  /** Full intra request. RFC 5104, 4.3.1.2: a repeated one has the sequence number of the one it repeats. */
  fir(sequenceNumber: number): void {
    if (sequenceNumber !== this.#firSequence) {
      this.#firSequence = sequenceNumber;
      this.pli();
    }
  }

  /** Whether to ask for a key frame now; true once for what has gathered. */
  due(now: Millis): boolean {
    if (!this.#pending || now - this.#passedAt < PAUSE) {
      return false;
    }
    this.#pending = false;
    this.#passedAt = now;
    return true;
  }
}
