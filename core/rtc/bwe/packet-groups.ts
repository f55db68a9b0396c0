import { millis, type Millis } from '../../media/time.ts';

/** Packets sent within this are one group (gcc-02, 5.2). */
const BURST = 5;
/** No group lasts longer at the receiver, however its packets come. */
const LONGEST = 100;

/** A group's delay: on the receiver's clock minus the sender's, so only differences mean something. */
export type GroupDelay = { readonly arrival: Millis; readonly delay: Millis };

/**
 * Gathers packets into groups by the time of sending. The delay of a group is the least of its packets': what the queue was
 * before the group came, however large the group is (ADR 0007).
 */
export class PacketGroups {
  #firstSent = Number.NaN;
  #lastSent = Number.NaN;
  #firstArrival = 0;
  #lastArrival = 0;
  #least = 0;
  #leastArrival = 0;

  /** Takes a packet that arrived. @returns the group before it, where the packet begins a new one. */
  push(sent: Millis, arrival: Millis): GroupDelay | undefined {
    const delay = arrival - sent;
    if (Number.isNaN(this.#firstSent)) {
      this.#begin(sent, arrival, delay);
      return undefined;
    }
    if (sent < this.#firstSent) {
      // Of a group that is closed already.
      return undefined;
    }
    if (this.#belongs(sent, arrival, delay)) {
      this.#lastSent = Math.max(this.#lastSent, sent);
      this.#lastArrival = Math.max(this.#lastArrival, arrival);
      if (delay < this.#least) {
        this.#least = delay;
        this.#leastArrival = arrival;
      }
      return undefined;
    }
    const closed = { arrival: millis(this.#leastArrival), delay: millis(this.#least) };
    this.#begin(sent, arrival, delay);
    return closed;
  }

  reset(): void {
    this.#firstSent = Number.NaN;
  }

  #begin(sent: number, arrival: number, delay: number): void {
    this.#firstSent = sent;
    this.#lastSent = sent;
    this.#firstArrival = arrival;
    this.#lastArrival = arrival;
    this.#least = delay;
    this.#leastArrival = arrival;
  }

  #belongs(sent: number, arrival: number, delay: number): boolean {
    if (sent - this.#firstSent <= BURST) {
      return true;
    }
    // Held back by a radio link and let go together: the later one waited less, and that is no sign of a queue that drains.
    const together = arrival - this.#lastArrival <= BURST && delay < this.#least;
    return together && arrival - this.#firstArrival < LONGEST;
  }
}
