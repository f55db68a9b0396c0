import { sequenceDistance } from '#core/media/rtp/sequence.ts';
import { NOT_RECEIVED, type TransportFeedback } from '#core/media/rtp/rtcp/packets.ts';

const ROOM = 1024;
const REFERENCE_MILLIS = 64;
const TICKS_PER_MILLI = 4;

/** What came since the last feedback, by transport-wide sequence number. */
export class Arrivals {
  readonly #sequences = new Uint16Array(ROOM);
  readonly #times = new Float64Array(ROOM);
  #count = 0;
  #next = -1;
  #feedbacks = 0;

  /** Remembers a packet; what goes beyond a thousand between two feedbacks is told of as lost. */
  add(sequence: number, arrival: number): void {
    if (this.#count < ROOM) {
      this.#sequences[this.#count] = sequence;
      this.#times[this.#count] = arrival;
      this.#count += 1;
    }
  }

  /** The feedback on everything since the last; undefined where nothing came. */
  take(senderSsrc: number, mediaSsrc: number): Omit<TransportFeedback, 'kind'> | undefined {
    if (this.#count === 0) {
      return undefined;
    }
    const base = this.#next < 0 ? this.#sequences[0]! : this.#next;
    let last = 0;
    for (let i = 0; i < this.#count; i += 1) {
      last = Math.max(last, sequenceDistance(base, this.#sequences[i]!));
    }
    const referenceTime = Math.floor(this.#times[0]! / REFERENCE_MILLIS);
    const arrivals = new Int32Array(last + 1).fill(NOT_RECEIVED);
    for (let i = 0; i < this.#count; i += 1) {
      const at = sequenceDistance(base, this.#sequences[i]!);
      if (at >= 0) {
        arrivals[at] = Math.round((this.#times[i]! - referenceTime * REFERENCE_MILLIS) * TICKS_PER_MILLI);
      }
    }
    this.#next = (base + last + 1) & 0xffff;
    this.#count = 0;
    this.#feedbacks += 1;
    return { senderSsrc, mediaSsrc, feedbackCount: this.#feedbacks & 0xff, baseSequence: base, referenceTime: referenceTime & 0xff_ffff, arrivals };
  }
}
