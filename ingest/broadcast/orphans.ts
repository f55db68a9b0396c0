import type { Bus, Lease, Unsubscribe } from '#core/bus/bus.ts';
import type { BroadcastInfo, StreamName } from '#core/bus/catalog.ts';
import { isOvertaken } from '#core/bus/overtaken.ts';
import type { BroadcastId } from '#core/media/frame.ts';
import type { Logger } from '#core/runtime/log.ts';

import { isUnreachable } from './coded.ts';
import { streamLease } from './holder.ts';
import type { Ledger, LedgerEntry } from './ledger.ts';

/** What {@link Orphans} works with. */
export type OrphansOptions = {
  readonly bus: Bus;
  readonly ledger: Ledger;
  readonly log: Logger;
  /** True where this process looks after the stream, or is about to. */
  readonly isCared: (stream: StreamName) => boolean;
  /** The stream of a broadcast was without care, and its lease is this process's now. */
  readonly takeUp: (info: BroadcastInfo, lease: Lease, entry: LedgerEntry | undefined) => Promise<void>;
  /** A stream's broadcast was interrupted or has ended. */
  readonly changed: (stream: StreamName) => void;
};

/** Streams that are taken up at a time: of a process with a thousand, others each take some. */
const AT_A_TIME = 16;

/**
 * Finds broadcasts whose process has died (ADR 0013). Asking for a lease that somebody holds is a look at memory: a thousand streams over NATS cost about
 * 3 ms of CPU each second.
 */
export class Orphans {
  readonly #options: OrphansOptions;
  readonly #known = new Map<StreamName, BroadcastInfo>();
  /** All that have not ended. */
  readonly #open = new Map<StreamName, Map<BroadcastId, BroadcastInfo>>();
  readonly #unsubscribe: Unsubscribe;
  #isLooking = false;
  #closed = false;

  constructor(options: OrphansOptions) {
    this.#options = options;
    this.#unsubscribe = options.bus.onBroadcast((info) => this.#note(info));
  }

  /** Fence under which a stream's newest broadcast was announced. */
  fenceOf(stream: StreamName): number | undefined {
    return this.#known.get(stream)?.fence;
  }

  /** Takes up what nobody looks after. Never rejects. */
  async look(): Promise<void> {
    if (this.#isLooking || !this.#options.ledger.shared) {
      return;
    }
    this.#isLooking = true;
    this.#endOvertaken();
    try {
      const left = inSomeOrder([...this.#known.values()].filter(({ stream }) => !this.#options.isCared(stream)));
      const workers = Array.from({ length: Math.min(AT_A_TIME, left.length) }, async () => {
        for (let info = left.pop(); info !== undefined && !this.#closed; info = left.pop()) {
          await this.#try(info);
        }
      });
      await Promise.all(workers);
    } catch (error) {
      if (!isUnreachable(error)) {
        this.#options.log.error({ err: error }, 'broadcasts that nobody looks after could not be taken up');
      }
    } finally {
      this.#isLooking = false;
    }
  }

  /** Hears of nothing any more. Idempotent. */
  close(): void {
    this.#closed = true;
    this.#unsubscribe();
  }

  /**
   * A stream has one broadcast: what is announced under a lower fence than another one's is over. A process that was cut off for minutes announces anew what
   * has ended and been forgotten meanwhile.
   */
  #endOvertaken(): void {
    const { bus, log, isCared } = this.#options;
    for (const [stream, open] of this.#open) {
      if (open.size === 1 || !isCared(stream)) {
        continue;
      }
      const newest = Math.max(...[...open.values()].map(({ fence = 0 }) => fence));
      for (const { graceEnds: _, ...info } of [...open.values()]) {
        if ((info.fence ?? 0) < newest) {
          log.info({ stream, broadcast: info.broadcast }, 'a broadcast that another one has taken the place of is ended');
          bus.announce({ ...info, state: 'ended', fence: newest });
        }
      }
    }
  }

  async #try(info: BroadcastInfo): Promise<void> {
    const { bus, ledger, log, isCared, takeUp } = this.#options;
    const lease = await bus.tryLease(streamLease(info.stream));
    if (!lease) {
      return;
    }
    try {
      const entry = await ledger.read(info.stream);
      // While that was read it may have ended, or a publisher may have come.
      if (this.#closed || isCared(info.stream) || this.#known.get(info.stream)?.broadcast !== info.broadcast) {
        lease.release();
        return;
      }
      log.info({ stream: info.stream, broadcast: info.broadcast, continued: entry !== undefined }, 'a broadcast that nobody looked after is taken up');
      await takeUp(info, lease, entry);
    } catch (error) {
      lease.release();
      throw error;
    }
  }

  #note(info: BroadcastInfo): void {
    const { stream, broadcast, state } = info;
    this.#count(info);
    if (state !== 'ended') {
      const known = this.#known.get(stream);
      if (!known || known.broadcast === broadcast || !isOvertaken(info, known)) {
        this.#known.set(stream, info);
      }
    } else if (this.#known.get(stream)?.broadcast === broadcast) {
      this.#known.delete(stream);
    }
    if (state !== 'live') {
      this.#options.changed(stream);
    }
  }

  #count(info: BroadcastInfo): void {
    const open = this.#open.get(info.stream) ?? new Map<BroadcastId, BroadcastInfo>();
    if (info.state === 'ended') {
      open.delete(info.broadcast);
    } else {
      open.set(info.broadcast, info);
    }
    if (open.size > 0) {
      this.#open.set(info.stream, open);
    } else {
      this.#open.delete(info.stream);
    }
  }
}

/** So that processes that look at the same moment do not all begin with the same one. */
function inSomeOrder<T>(list: readonly T[]): T[] {
  const from = Math.floor(Math.random() * list.length);
  return [...list.slice(from), ...list.slice(0, from)];
}
