import { sequenceDistance } from '../../media/rtp/sequence.ts';
import type { Millis } from '../../media/time.ts';

/** Nothing is known of the packet yet. */
export const IN_FLIGHT = 0;
/** Feedback has told that it had not arrived. */
export const MISSING = 1;
/** Feedback has told when it arrived. */
export const ARRIVED = 2;

const SMALLEST = 256;
/** 1.5 s at 33 Mbit/s. */
const LARGEST = 4096;
/** For how long feedback is waited for: a round trip of a satellite and several feedback intervals. */
const KEPT = 1500;

/**
 * The packets sent on the transport of late, by their transport-wide sequence number. A ring of typed arrays that grows with the
 * rate, and never above 4,096 packets.
 */
export class SentPackets {
  #size = SMALLEST;
  #sentAt = new Float64Array(SMALLEST);
  #bytes = new Uint16Array(SMALLEST);
  #state = new Uint8Array(SMALLEST);
  #cluster = new Uint16Array(SMALLEST);
  #first: number;
  #next: number;

  /** @param first the first sequence number. */
  constructor(first = 1) {
    this.#first = first;
    this.#next = first;
  }

  /** The number of the next packet, 16 bits of it in the header. */
  get next(): number {
    return this.#next;
  }

  /** Remembers a packet. @returns its unwrapped sequence number. */
  add(bytes: number, at: Millis, cluster: number): number {
    const sequence = this.#next;
    const slot = sequence & (this.#size - 1);
    if (this.#size < LARGEST && sequence - this.#first >= this.#size && at - this.#sentAt[slot]! < KEPT) {
      this.#grow();
      return this.add(bytes, at, cluster);
    }
    this.#sentAt[slot] = at;
    this.#bytes[slot] = bytes;
    this.#state[slot] = IN_FLIGHT;
    this.#cluster[slot] = cluster;
    this.#next = sequence + 1;
    return sequence;
  }

  /** The unwrapped number that a 16-bit one of the peer's stands for. Whether it is one that was sent, {@link has} tells. */
  unwrap(sequence: number): number {
    return this.#next - 1 + sequenceDistance(this.#next - 1, sequence);
  }

  /** Whether a packet is still remembered. */
  has(sequence: number): boolean {
    return sequence < this.#next && sequence >= this.#first && sequence >= this.#next - this.#size;
  }

  sentAt(sequence: number): Millis {
    return this.#sentAt[sequence & (this.#size - 1)] as Millis;
  }

  bytes(sequence: number): number {
    return this.#bytes[sequence & (this.#size - 1)]!;
  }

  state(sequence: number): number {
    return this.#state[sequence & (this.#size - 1)]!;
  }

  /** The probe that a packet was part of; 0 for none. */
  cluster(sequence: number): number {
    return this.#cluster[sequence & (this.#size - 1)]!;
  }

  mark(sequence: number, state: typeof MISSING | typeof ARRIVED): void {
    this.#state[sequence & (this.#size - 1)] = state;
  }

  /** Forgets what was sent: feedback on it is about another path. */
  forget(): void {
    this.#first = this.#next;
  }

  #grow(): void {
    const size = this.#size * 2;
    const moved = { sentAt: new Float64Array(size), bytes: new Uint16Array(size), state: new Uint8Array(size), cluster: new Uint16Array(size) };
    for (let sequence = this.#next - this.#size; sequence < this.#next; sequence += 1) {
      const from = sequence & (this.#size - 1);
      const to = sequence & (size - 1);
      moved.sentAt[to] = this.#sentAt[from]!;
      moved.bytes[to] = this.#bytes[from]!;
      moved.state[to] = this.#state[from]!;
      moved.cluster[to] = this.#cluster[from]!;
    }
    this.#size = size;
    this.#sentAt = moved.sentAt;
    this.#bytes = moved.bytes;
    this.#state = moved.state;
    this.#cluster = moved.cluster;
  }
}
