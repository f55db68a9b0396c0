import type { WallTime } from '#core/media/time.ts';

import type { Payload } from '../http/payload.ts';
import { FairTurns } from './fair-turns.ts';

/** Of all lists together: a part ends the waiting of whole crowds, in every rendition. */
const turns = new FairTurns();

/**
 * How a request ends: with bytes; or `timeout`: it waited three target durations (503); `too-far`: it asked for what
 * cannot be known of (400); `gone`: what it waited for never came (404); `arrived`: the broadcast is there, ask again;
 * `stopping`: the server stops (503).
 */
export type Outcome = Payload | 'timeout' | 'too-far' | 'gone' | 'arrived' | 'stopping';

/** A request that waits. Settled exactly once; knows by itself whether its client is still there. */
export interface Waiter {
  readonly deadline: WallTime;
  settle(outcome: Outcome): void;
}

/** Requests that wait for one and the same place, in the order in which they came. */
export class WaitList<T extends Waiter> {
  #waiters: T[] = [];

  get size(): number {
    return this.#waiters.length;
  }

  add(waiter: T): void {
    this.#waiters.push(waiter);
  }

  /** Settles all of them, at once or, where they are many, in the next turns: with what is the outcome then. */
  release(outcomeOf: (waiter: T) => Outcome): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) {
      turns.run(() => waiter.settle(outcomeOf(waiter)));
    }
  }

  /** Settles those whose time is over. Every waiter waits equally long, so they stand at the front. */
  expire(now: WallTime): void {
    let count = 0;
    while ((this.#waiters[count]?.deadline ?? Infinity) <= now) {
      count++;
    }
    for (const waiter of this.#waiters.splice(0, count)) {
      waiter.settle('timeout');
    }
  }
}
