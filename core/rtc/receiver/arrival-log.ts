import { ARRIVAL_TICKS_PER_SECOND, NOT_RECEIVED, REFERENCE_TICKS, type TransportFeedback } from '../../media/rtp/rtcp/packets.ts';
import { SequenceUnwrapper } from '../../media/rtp/sequence.ts';
import type { Millis } from '../../media/time.ts';

/** Packets that one feedback speaks of at most: 50 ms of 100 Mbit/s are 520. */
const MAX_PACKETS = 1024;
/** Arrivals kept after they were reported: a packet that is overtaken by a feedback is reported with the next, beside its neighbours. */
const KEPT = 2048;
/** A number that jumps further means a sender that begins anew. */
const MAX_JUMP = 10_000;
/** Feedback cannot say that two packets came further apart than this: 2^15 ticks of 250 microseconds, less one unit of reference time. */
const MAX_DELTA_TICKS = 32_000;
const TICKS_PER_MILLI = ARRIVAL_TICKS_PER_SECOND / 1000;

type Feedback = Pick<TransportFeedback, 'feedbackCount' | 'baseSequence' | 'referenceTime' | 'arrivals'>;

/**
 * When packets arrived, by their transport-wide sequence numbers, for the sender's bandwidth estimation
 * (draft-holmer-rmcat-transport-wide-cc-extensions-01, 2). Bounded.
 */
export class ArrivalLog {
  readonly #sequences = new SequenceUnwrapper(16);
  /** Arrivals in ticks, in the order of arrival. */
  readonly #arrivals = new Map<number, number>();
  #count = 0;
  /** The first number that no feedback has spoken of. */
  #next: number | undefined;
  #from = Infinity;
  #to = -Infinity;

  /** True where something arrived that no feedback has told of. */
  get pending(): boolean {
    return this.#to >= this.#from;
  }

  /** Takes note of a packet. */
  add(sequenceNumber: number, arrival: Millis): void {
    const newest = this.#sequences.newest;
    if (newest !== undefined && Math.abs(this.#sequences.peek(sequenceNumber) - newest) > MAX_JUMP) {
      this.#sequences.reset();
      this.#arrivals.clear();
      this.#next = undefined;
      this.#from = Infinity;
      this.#to = -Infinity;
    }
    const sequence = this.#sequences.unwrap(sequenceNumber);
    if (this.#arrivals.has(sequence)) {
      return;
    }
    this.#arrivals.set(sequence, Math.round(arrival * TICKS_PER_MILLI));
    this.#from = Math.min(this.#from, sequence);
    this.#to = Math.max(this.#to, sequence);
    if (this.#arrivals.size > KEPT) {
      const [oldest] = this.#arrivals.keys();
      this.#arrivals.delete(oldest ?? sequence);
    }
  }

  /** The next feedback; undefined where there is nothing to tell. Call until then: a long silence needs more than one. */
  take(): Feedback | undefined {
    if (!this.pending) {
      return undefined;
    }
    // What was lost between two feedbacks is told by the second.
    const wanted = Math.min(this.#from, this.#next ?? this.#from);
    const start = Math.max(wanted, this.#to - MAX_PACKETS + 1);
    let base: number | undefined;
    let last = 0;
    let end = start;
    const ticks: number[] = [];
    for (; end <= this.#to; end += 1) {
      const arrival = this.#arrivals.get(end);
      if (arrival !== undefined) {
        if (base !== undefined && Math.abs(arrival - last) > MAX_DELTA_TICKS) {
          break;
        }
        base ??= Math.floor(arrival / REFERENCE_TICKS) * REFERENCE_TICKS;
        last = arrival;
      }
      ticks.push(arrival ?? NOT_RECEIVED);
    }
    this.#next = end;
    this.#from = end <= this.#to ? end : Infinity;
    this.#to = end <= this.#to ? this.#to : -Infinity;
    if (base === undefined) {
      return undefined;
    }
    const reference = base;
    const feedbackCount = this.#count;
    this.#count = (this.#count + 1) & 0xff;
    return {
      feedbackCount,
      baseSequence: start & 0xffff,
      // Signed 24 bits.
      referenceTime: ((reference / REFERENCE_TICKS) << 8) >> 8,
      arrivals: Int32Array.from(ticks, (tick) => (tick === NOT_RECEIVED ? NOT_RECEIVED : tick - reference)),
    };
  }
}
