import { NOT_RECEIVED, REFERENCE_TICKS, type TransportFeedback } from '../../../media/rtp/rtcp/packets.ts';
import type { Millis } from '../../../media/time.ts';

/** What a browser does with transport-wide sequence numbers: notes when each came and tells it every so often. */
export class FeedbackReceiver {
  readonly #arrivals = new Map<number, number>();
  /** Added to the true time: the receiver's clock is its own. */
  readonly #clockOffset: number;
  #next: number | undefined;
  #highest = -1;
  #count = 0;

  constructor(clockOffset = 1_234_567) {
    this.#clockOffset = clockOffset;
  }

  /** @param sequence unwrapped. */
  received(sequence: number, at: Millis): void {
    this.#next ??= sequence;
    this.#arrivals.set(sequence, at + this.#clockOffset);
    this.#highest = Math.max(this.#highest, sequence);
    // Of a range that was told missing before: told again from there.
    this.#next = Math.min(this.#next, sequence);
  }

  /** Feedback on what came since the last; undefined where nothing did. */
  take(): TransportFeedback | undefined {
    const base = this.#next;
    if (base === undefined || this.#highest < base) {
      return undefined;
    }
    const first = this.#arrivals.get(base) ?? Math.min(...this.#arrivals.values());
    const referenceTime = Math.floor((first * 4) / REFERENCE_TICKS);
    const arrivals = new Int32Array(this.#highest - base + 1).fill(NOT_RECEIVED);
    for (let i = 0; i < arrivals.length; i += 1) {
      const at = this.#arrivals.get(base + i);
      if (at !== undefined) {
        arrivals[i] = Math.round(at * 4) - referenceTime * REFERENCE_TICKS;
        this.#arrivals.delete(base + i);
      }
    }
    this.#next = this.#highest + 1;
    this.#count = (this.#count + 1) & 0xff;
    return { kind: 'transport-cc', senderSsrc: 1, mediaSsrc: 2, feedbackCount: this.#count, baseSequence: base & 0xffff, referenceTime: referenceTime & 0xff_ffff, arrivals };
  }
}
