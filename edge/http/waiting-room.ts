import { addressGroup } from '#core/access/address-group.ts';

/** Bounds of requests that wait for media to come. */
export type WaitingLimits = {
  readonly maxWaiting: number;
  readonly maxWaitingPerAddress: number;
  readonly maxWaitingPerConnection: number;
};

/** A connection as the waiting room sees it. */
export type Seat = { waiting: number };

/** Counts who waits, in all, by address (all of an IPv6 subscriber's as one) and by connection. */
export class WaitingRoom {
  readonly #limits: WaitingLimits;
  readonly #perGroup = new Map<string, number>();
  #count = 0;

  constructor(limits: WaitingLimits) {
    this.#limits = limits;
  }

  get count(): number {
    return this.#count;
  }

  /** Lets a request wait, or says that there are too many. Each one let in must leave once. */
  enter(address: string, seat: Seat): boolean {
    const group = addressGroup(address);
    const ofGroup = this.#perGroup.get(group) ?? 0;
    const { maxWaiting, maxWaitingPerAddress, maxWaitingPerConnection } = this.#limits;
    if (this.#count >= maxWaiting || ofGroup >= maxWaitingPerAddress || seat.waiting >= maxWaitingPerConnection) {
      return false;
    }
    this.#count++;
    seat.waiting++;
    this.#perGroup.set(group, ofGroup + 1);
    return true;
  }

  leave(address: string, seat: Seat): void {
    this.#count--;
    seat.waiting--;
    const group = addressGroup(address);
    const left = (this.#perGroup.get(group) ?? 1) - 1;
    if (left > 0) {
      this.#perGroup.set(group, left);
    } else {
      this.#perGroup.delete(group);
    }
  }
}
