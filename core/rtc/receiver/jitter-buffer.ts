import { SequenceUnwrapper } from '../../media/rtp/sequence.ts';
import type { Millis } from '../../media/time.ts';
import { LostPackets } from './lost-packets.ts';

/** A packet's payload with what the depacketiser needs of its header. */
export type ReceivedPayload = {
  readonly payload: Uint8Array;
  readonly marker: boolean;
  /** 32 bits, as in the packet. */
  readonly timestamp: number;
  readonly payloadType: number;
};

/** A payload in its turn. */
export type OrderedPayload = ReceivedPayload & {
  /** Rises by one from packet to packet, by more behind a loss. */
  readonly sequence: number;
  /** Packets before it were lost for good. */
  readonly afterLoss: boolean;
};

/** What became of a packet. */
export type Arrival = 'passed' | 'held' | 'duplicate' | 'late' | 'implausible';

/** How long holes are waited for, and what may be asked for again. */
export type JitterPolicy = {
  /** Lost packets may be asked for (NACK was negotiated). */
  readonly nack: boolean;
};

/** Sequence numbers that jump by more than this mean another stream, or nonsense. */
const MAX_JUMP = 1000;
/** 250 ms of 50 Mbit/s are 1,300 packets. */
const MAX_HELD = 2048;
const MAX_HELD_BYTES = 4 * 1024 * 1024;

/**
 * Puts the packets of one stream in order. What comes in order is passed on at once: nothing is delayed while nothing is
 * missing. Behind a hole packets wait, only as long as a retransmission can still fill it ({@link LostPackets}); then the
 * hole is given up. Bounded in packets and in bytes.
 */
export class JitterBuffer {
  readonly lost: LostPackets;
  readonly #out: (packet: OrderedPayload) => void;
  readonly #sequences = new SequenceUnwrapper(16);
  readonly #held = new Map<number, ReceivedPayload>();
  #heldBytes = 0;
  #expected: number | undefined;
  #afterLoss = false;
  /** Added to unwrapped numbers, so that what is given out rises through every new beginning. */
  #base = 0;
  #lastOut = -1;
  /** The packet that would follow one that jumped too far: two in a row are another stream's beginning (RFC 3550, A.1). */
  #badSequence: number | undefined;
  #givenUp = 0;

  constructor(policy: JitterPolicy, out: (packet: OrderedPayload) => void) {
    this.lost = new LostPackets(policy);
    this.#out = out;
  }

  /** Packets waiting behind a hole, and their bytes. */
  get held(): { readonly packets: number; readonly bytes: number } {
    return { packets: this.#held.size, bytes: this.#heldBytes };
  }

  /** Packets that were never had. */
  get givenUp(): number {
    return this.#givenUp;
  }

  /** Moment at which {@link tick} has something to do; `Infinity` where nothing is missing. */
  get deadline(): Millis {
    return this.lost.deadline;
  }

  /** Takes a packet; its payload is copied where it has to wait. `repair`: it was asked for. */
  push(sequenceNumber: number, packet: ReceivedPayload, now: Millis, repair = false): Arrival {
    const expected = this.#expected;
    const sequence = this.#sequences.peek(sequenceNumber);
    if (expected === undefined) {
      if (repair) {
        return 'late';
      }
      this.#begin(sequenceNumber);
      this.#pass(this.#sequences.unwrap(sequenceNumber), packet);
      return 'passed';
    }
    if (Math.abs(sequence - expected) > MAX_JUMP) {
      return repair ? 'implausible' : this.#jumped(sequenceNumber, packet);
    }
    this.#badSequence = undefined;
    if (sequence < expected) {
      return this.lost.abandoned(sequence) ? 'late' : 'duplicate';
    }
    if (this.#held.has(sequence)) {
      return 'duplicate';
    }
    const newest = Math.max(this.#sequences.newest ?? sequence, expected - 1);
    this.#sequences.unwrap(sequenceNumber);
    this.lost.arrived(sequence, now, repair);
    if (sequence === expected) {
      this.#pass(sequence, packet);
      this.#drain();
      return 'passed';
    }
    this.lost.note(newest + 1, sequence, now);
    this.#hold(sequence, packet);
    this.#bound();
    return 'held';
  }

  /** Gives up the holes whose time is over. */
  tick(now: Millis): void {
    while (this.#held.size > 0 && this.#expected !== undefined) {
      if (!this.lost.overdue(this.#expected, now)) {
        return;
      }
      this.#giveUp();
    }
  }

  #begin(sequenceNumber: number): void {
    this.#sequences.reset();
    this.#expected = sequenceNumber;
  }

  #jumped(sequenceNumber: number, packet: ReceivedPayload): Arrival {
    if (this.#badSequence !== sequenceNumber) {
      this.#badSequence = (sequenceNumber + 1) & 0xffff;
      return 'implausible';
    }
    this.#badSequence = undefined;
    this.#held.clear();
    this.#heldBytes = 0;
    this.lost.clear();
    this.#afterLoss = true;
    this.#base = this.#lastOut + 2 - sequenceNumber;
    this.#begin(sequenceNumber);
    this.#pass(this.#sequences.unwrap(sequenceNumber), packet);
    return 'passed';
  }

  #hold(sequence: number, packet: ReceivedPayload): void {
    this.#held.set(sequence, { ...packet, payload: packet.payload.slice() });
    this.#heldBytes += packet.payload.length;
  }

  #bound(): void {
    while (this.#held.size > MAX_HELD || this.#heldBytes > MAX_HELD_BYTES) {
      this.#giveUp();
    }
  }

  /** Gives up the packet that is waited for, and passes on what then is in order. */
  #giveUp(): void {
    this.lost.abandon(this.#expected ?? 0);
    this.#givenUp += 1;
    this.#afterLoss = true;
    this.#expected = (this.#expected ?? 0) + 1;
    this.#drain();
  }

  #drain(): void {
    for (let packet = this.#held.get(this.#expected ?? -1); packet; packet = this.#held.get(this.#expected ?? -1)) {
      const sequence = this.#expected ?? 0;
      this.#held.delete(sequence);
      this.#heldBytes -= packet.payload.length;
      this.#pass(sequence, packet);
    }
  }

  #pass(sequence: number, packet: ReceivedPayload): void {
    const { payload, marker, timestamp, payloadType } = packet;
    this.#expected = sequence + 1;
    const afterLoss = this.#afterLoss;
    this.#afterLoss = false;
    this.#lastOut = sequence + this.#base;
    this.#out({ payload, marker, timestamp, payloadType, sequence: this.#lastOut, afterLoss });
  }
}
