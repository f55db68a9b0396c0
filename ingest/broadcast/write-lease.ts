import type { Bus, Lease } from '#core/bus/bus.ts';
import type { StreamName } from '#core/bus/catalog.ts';

import { isUnreachable } from './coded.ts';

/** The lease of who writes a stream's frames, taken anew for each publisher, so that fences rise, and kept until the next. */
export class WriteLease {
  readonly #bus: Bus;
  readonly #resource: string;
  #held: Lease | undefined;

  constructor(bus: Bus, stream: StreamName) {
    this.#bus = bus;
    this.#resource = `ingest/${stream}`;
  }

  /**
   * Takes it for another publisher. While the bus is away nobody can have taken the last one: who comes back goes on under it, as one who is live does.
   *
   * @throws {MillraceError} `bus/unreachable` where there was none.
   */
  async take(): Promise<Lease> {
    try {
      const lease = await this.#bus.lease(this.#resource);
      this.#held = lease;
      void lease.lost.then(() => {
        if (this.#held === lease) {
          this.#held = undefined;
        }
      });
      return lease;
    } catch (error) {
      if (this.#held && isUnreachable(error)) {
        return this.#held;
      }
      throw error;
    }
  }

  /** Gives it back. Idempotent. */
  release(): void {
    this.#held?.release();
    this.#held = undefined;
  }
}
