/** Bounds of requests that wait for media to come. */
export type WaitingLimits = {
  readonly maxWaiting: number;
  readonly maxWaitingPerAddress: number;
  readonly maxWaitingPerConnection: number;
};

/** A connection as the waiting room sees it. */
export type Seat = { waiting: number };

/** Counts who waits, in all, by address and by connection. */
export class WaitingRoom {
  readonly #limits: WaitingLimits;
  readonly #perAddress = new Map<string, number>();
  #count = 0;

  constructor(limits: WaitingLimits) {
    this.#limits = limits;
  }

  get count(): number {
    return this.#count;
  }

  /** Lets a request wait, or says that there are too many. Each one let in must leave once. */
  enter(address: string, seat: Seat): boolean {
    const ofAddress = this.#perAddress.get(address) ?? 0;
    const { maxWaiting, maxWaitingPerAddress, maxWaitingPerConnection } = this.#limits;
    if (this.#count >= maxWaiting || ofAddress >= maxWaitingPerAddress || seat.waiting >= maxWaitingPerConnection) {
      return false;
    }
    this.#count++;
    seat.waiting++;
    this.#perAddress.set(address, ofAddress + 1);
    return true;
  }

  leave(address: string, seat: Seat): void {
    this.#count--;
    seat.waiting--;
    const left = (this.#perAddress.get(address) ?? 1) - 1;
    if (left > 0) {
      this.#perAddress.set(address, left);
    } else {
      this.#perAddress.delete(address);
    }
  }
}
