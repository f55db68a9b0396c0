import type { Clock } from '../../media/time.ts';
import type { Lease } from '../bus.ts';

/**
 * Leases within one process. The newest taker wins. Fences begin at the clock's milliseconds, so those of a restarted
 * server are above all it gave out before (at most one lease a millisecond on average: far above any real rate).
 */
export class LocalLeases {
  readonly #held = new Map<string, Lease>();
  readonly #clock: Clock;
  #last = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  isHeld(resource: string): boolean {
    return this.#held.has(resource);
  }

  take(resource: string): Lease {
    this.#held.get(resource)?.release();
    this.#last = Math.max(this.#last + 1, Math.floor(this.#clock()));
    let settle: () => void = () => undefined;
    const lost = new Promise<void>((resolve) => {
      settle = resolve;
    });
    const lease: Lease = {
      fence: this.#last,
      lost,
      release: () => {
        if (this.#held.get(resource) === lease) {
          this.#held.delete(resource);
        }
        settle();
      },
    };
    this.#held.set(resource, lease);
    return lease;
  }

  releaseAll(): void {
    [...this.#held.values()].forEach((lease) => lease.release());
  }
}
