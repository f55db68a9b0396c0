import { sequenceDistance } from '#core/media/rtp/sequence.ts';

/** Lateness is told apart to this many milliseconds. */
export const LATE_SLOTS = 1000;

/** What a span of time brought of one SSRC: counted by the sequence numbers, which are in clear. */
export class StreamTally {
  readonly ssrc: number;
  readonly #clockRate: number;
  /** Unwrapped; -1 before the first packet. */
  #highest = -1;
  #base = -1;
  #received = 0;
  #timestamp = -1;
  #time = 0;
  /** Least arrival minus timestamp so far: the way without a queue. */
  #least = Number.POSITIVE_INFINITY;

  constructor(ssrc: number, clockRate: number) {
    this.ssrc = ssrc;
    this.#clockRate = clockRate;
  }

  /** Highest sequence number so far, extended to 32 bits as receiver reports want it. */
  get highest(): number {
    return this.#highest;
  }

  get received(): number {
    return this.#received;
  }

  /** Packets between the first and the last of this span that did not come. */
  get lost(): number {
    return Math.max(0, this.#highest - this.#base - this.#received);
  }

  /** Begins a span. */
  mark(): void {
    this.#base = this.#highest;
    this.#received = 0;
    this.#least = Number.POSITIVE_INFINITY;
  }

  /** Counts a packet. @returns its frame's lateness against the least of this span, in milliseconds; -1 but for the first packet of a frame. */
  take(sequence: number, timestamp: number, arrival: number): number {
    if (this.#highest < 0) {
      this.#highest = sequence + 0x1_0000;
      this.#base = this.#highest - 1;
      this.#time = 0;
      this.#timestamp = timestamp;
    } else {
      const ahead = sequenceDistance(this.#highest, sequence);
      if (ahead > 0) {
        this.#highest += ahead;
      }
    }
    this.#received += 1;
    const step = (timestamp - this.#timestamp) | 0;
    if (step <= 0) {
      return -1;
    }
    this.#timestamp = timestamp;
    this.#time += (step * 1000) / this.#clockRate;
    const way = arrival - this.#time;
    this.#least = Math.min(this.#least, way);
    return way - this.#least;
  }
}
