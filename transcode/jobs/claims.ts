import type { Bus, Lease, Unsubscribe } from '#core/bus/bus.ts';
import type { BroadcastInfo } from '#core/bus/catalog.ts';
import type { NodeId } from '#core/bus/node.ts';
import type { BroadcastId } from '#core/media/frame.ts';
import { millis, systemClock, type Millis } from '#core/media/time.ts';
import { messageOf } from '#core/runtime/errors.ts';
import type { Logger } from '#core/runtime/log.ts';
import { Backoff } from '../supervisor/backoff.ts';
import { Leftovers } from './leftovers.ts';
import { JOB_PREFIX, jobKey, laterOf, takenGroups, type TakenGroups } from './taken-groups.ts';

/** A broadcast that this process has taken. */
export interface Job {
  /** Told of every change of the broadcast's state. */
  changed(info: BroadcastInfo): void;
  /** Settles when it is over, lost or handed over, and nothing of it runs here any more. */
  readonly closed: Promise<void>;
}

/** What claims are made with. */
export type ClaimsOptions = {
  readonly bus: Pick<Bus, 'onBroadcast' | 'onNode' | 'tryLease' | 'shared'>;
  /** Name of this process; absent where it is alone. */
  readonly node?: NodeId | undefined;
  /** How long to give way to those who have more room. */
  readonly delay: () => Millis;
  /** Begins a job. What it throws gives the lease back. */
  readonly take: (info: BroadcastInfo, lease: Lease, before: TakenGroups | undefined) => Job;
  readonly log: Logger;
};

/** How often a broadcast is asked for that somebody else has. */
const RETRY = 300;
/** Where there are many, so many are asked for in a second. */
const ASKED_PER_SECOND = 300;
/** Who was named in a hand-over asks so often, as the lease comes free; the others give way so long. */
const SUCCESSOR_RETRY = 20;
const GIVE_WAY = 1000;

type Entry = {
  info: BroadcastInfo;
  job: Job | undefined;
  timer: NodeJS.Timeout | undefined;
  /** Until when (by the monotonic clock) a hand-over to this process is expected. */
  successorUntil: number;
  /** The newest record that was heard of: it stands where the store has lost it. */
  heard: TakenGroups | undefined;
  readonly backoff: Backoff;
};

/** Takes the broadcasts that nobody has (ADR 0014): one after the other, so that each takes the ones before into account. */
export class Claims {
  readonly #options: ClaimsOptions;
  readonly #entries = new Map<BroadcastId, Entry>();
  readonly #subscriptions: Unsubscribe[];
  readonly #leftovers: Leftovers;
  #asking: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: ClaimsOptions) {
    const { bus, log } = options;
    this.#options = options;
    this.#leftovers = new Leftovers({ bus, log, isOpen: (broadcast) => this.#entries.has(broadcast) });
    this.#subscriptions = [
      bus.onBroadcast((info) => this.#heard(info)),
      bus.onNode((_node, info) => (info === undefined ? this.#askForAll() : undefined)),
      bus.shared.watch(JOB_PREFIX, (key, value) => this.#recorded(key, takenGroups(value))),
    ];
  }

  /** Takes nothing any more. What was taken goes on, and is told of changes. Idempotent. */
  stop(): void {
    this.#stopped = true;
    this.#entries.forEach(({ timer }) => clearTimeout(timer));
  }

  /** Idempotent. */
  close(): void {
    this.stop();
    this.#leftovers.close();
    this.#subscriptions.forEach((unsubscribe) => unsubscribe());
  }

  #heard(info: BroadcastInfo): void {
    const known = this.#entries.get(info.broadcast);
    if (known !== undefined) {
      known.info = info;
      known.job?.changed(info);
      this.#forgetEnded(known);
    } else if (info.state !== 'ended') {
      const entry: Entry = { info, job: undefined, timer: undefined, successorUntil: 0, heard: undefined, backoff: new Backoff() };
      this.#entries.set(info.broadcast, entry);
      this.#schedule(entry, this.#options.delay());
    }
  }

  #forgetEnded(entry: Entry): void {
    if (entry.info.state === 'ended' && entry.job === undefined) {
      clearTimeout(entry.timer);
      this.#entries.delete(entry.info.broadcast);
    }
  }

  /** A process is gone: what it had may be free. */
  #askForAll(): void {
    const delay = this.#options.delay();
    this.#entries.forEach((entry) => this.#schedule(entry, delay));
  }

  #recorded(key: string, record: TakenGroups | undefined): void {
    const broadcast = key.slice(JOB_PREFIX.length) as BroadcastId;
    this.#leftovers.recorded(broadcast, record !== undefined);
    const entry = this.#entries.get(broadcast);
    if (entry === undefined || record === undefined) {
      return;
    }
    entry.heard = record;
    if (record.handover === undefined) {
      return;
    }
    if (record.handover.to === this.#options.node) {
      entry.successorUntil = performance.now() + GIVE_WAY;
      this.#schedule(entry, millis(0));
    } else {
      this.#schedule(entry, millis(GIVE_WAY + this.#options.delay()));
    }
  }

  #schedule(entry: Entry, delay: Millis): void {
    clearTimeout(entry.timer);
    entry.timer = undefined;
    if (this.#stopped || entry.job !== undefined) {
      return;
    }
    if (delay === 0) {
      this.#enqueue(entry);
    } else {
      entry.timer = setTimeout(() => this.#enqueue(entry), delay);
    }
  }

  #enqueue(entry: Entry): void {
    entry.timer = undefined;
    this.#asking = this.#asking.then(() => this.#ask(entry));
  }

  async #ask(entry: Entry): Promise<void> {
    if (!this.#isWanted(entry)) {
      return;
    }
    try {
      await this.#claim(entry);
    } catch (thrown) {
      this.#options.log.warn({ stream: entry.info.stream, reason: messageOf(thrown) }, 'the broadcast could not be taken; asking again');
    }
    if (entry.job === undefined && entry.timer === undefined) {
      this.#schedule(entry, this.#retry(entry));
    }
  }

  #retry({ successorUntil }: Entry): Millis {
    return millis(performance.now() < successorUntil ? SUCCESSOR_RETRY : Math.max(RETRY, (this.#entries.size * 1000) / ASKED_PER_SECOND) + this.#options.delay());
  }

  #isWanted({ info, job }: Entry): boolean {
    return !this.#stopped && job === undefined && this.#entries.get(info.broadcast)?.info.state !== 'ended' && this.#entries.has(info.broadcast);
  }

  async #claim(entry: Entry): Promise<void> {
    const { bus, take } = this.#options;
    const lease = await bus.tryLease(jobKey(entry.info.broadcast));
    if (lease === undefined) {
      return;
    }
    try {
      const before = laterOf(takenGroups(await bus.shared.get(jobKey(entry.info.broadcast))), entry.heard);
      if (!this.#isWanted(entry)) {
        lease.release();
        return;
      }
      this.#began(entry, take(entry.info, lease, before));
    } catch (thrown) {
      lease.release();
      throw thrown;
    }
  }

  #began(entry: Entry, job: Job): void {
    const beganAt = systemClock();
    entry.job = job;
    entry.successorUntil = 0;
    clearTimeout(entry.timer);
    entry.timer = undefined;
    job.changed(entry.info);
    void job.closed.then(() => {
      entry.job = undefined;
      this.#forgetEnded(entry);
      if (this.#entries.get(entry.info.broadcast) === entry) {
        // Others first: whatever ended it here may not be there.
        this.#schedule(entry, millis(Math.max(this.#retry(entry), entry.backoff.after(beganAt, systemClock()))));
      }
    });
  }
}
