import type { Bus } from '#core/bus/bus.ts';
import type { BroadcastId } from '#core/media/frame.ts';
import { millis, type Millis } from '#core/media/time.ts';
import { messageOf } from '#core/runtime/errors.ts';
import type { Logger } from '#core/runtime/log.ts';
import { jobKey } from './taken-groups.ts';

/** What {@link Leftovers} works with. */
export type LeftoversOptions = {
  readonly bus: Pick<Bus, 'tryLease' | 'shared'>;
  /** True while the broadcast goes on, or is worked on here. */
  readonly isOpen: (broadcast: BroadcastId) => boolean;
  readonly log: Logger;
  /** So long nobody must have heard of a broadcast. */
  readonly after?: Millis;
};

/** Broadcasts come back within a minute, or have ended. */
const AFTER = millis(10 * 60_000);

/** Records of broadcasts that ended while no transcoder had them: whoever had one takes its record away as it ends, these nobody does. */
export class Leftovers {
  readonly #options: LeftoversOptions;
  /** When a broadcast's record was first found useless, by the monotonic clock; undefined while it is not. */
  readonly #records = new Map<BroadcastId, number | undefined>();
  readonly #timer: NodeJS.Timeout;
  #isSweeping = false;

  constructor(options: LeftoversOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.sweep(), (options.after ?? AFTER) / 4);
    this.#timer.unref();
  }

  /** Told of every record that is written or taken away. */
  recorded(broadcast: BroadcastId, isThere: boolean): void {
    if (!isThere) {
      this.#records.delete(broadcast);
    } else if (!this.#records.has(broadcast)) {
      this.#records.set(broadcast, undefined);
    }
  }

  /** Takes away what has been useless for long enough. One sweep at a time: while NATS is away each removal waits. */
  async sweep(): Promise<void> {
    if (this.#isSweeping) {
      return;
    }
    this.#isSweeping = true;
    for (const broadcast of this.#due()) {
      await this.#remove(broadcast).catch((thrown: unknown) =>
        this.#options.log.debug({ broadcast, reason: messageOf(thrown) }, 'the record of a broadcast that is over stays for now'),
      );
    }
    this.#isSweeping = false;
  }

  /** Idempotent. */
  close(): void {
    clearInterval(this.#timer);
  }

  #due(): readonly BroadcastId[] {
    const { isOpen, after = AFTER } = this.#options;
    const now = performance.now();
    const due: BroadcastId[] = [];
    for (const [broadcast, since] of this.#records) {
      this.#records.set(broadcast, isOpen(broadcast) ? undefined : (since ?? now));
      if (!isOpen(broadcast) && since !== undefined && now - since >= after) {
        due.push(broadcast);
      }
    }
    return due;
  }

  /** Under the broadcast's lease, so that nobody who works on it loses the record. */
  async #remove(broadcast: BroadcastId): Promise<void> {
    const { bus, isOpen } = this.#options;
    const lease = await bus.tryLease(jobKey(broadcast));
    if (lease === undefined) {
      return;
    }
    try {
      if (!isOpen(broadcast) && this.#records.has(broadcast)) {
        await bus.shared.delete(jobKey(broadcast), { fence: lease.fence });
        this.#records.delete(broadcast);
      }
    } finally {
      lease.release();
    }
  }
}
