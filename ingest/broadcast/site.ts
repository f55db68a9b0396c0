import type { Bus, Lease, Unsubscribe } from '#core/bus/bus.ts';
import type { BroadcastInfo, StreamName } from '#core/bus/catalog.ts';
import { millis, type Clock, type Millis } from '#core/media/time.ts';
import type { Logger } from '#core/runtime/log.ts';

import type { Admission, Publisher } from '../source.ts';
import { isUnreachable } from './coded.ts';
import { Elsewhere } from './elsewhere.ts';
import type { Feed } from './feed.ts';
import { serveHolder, type HolderAnswer } from './holder.ts';
import type { StreamKeeper } from './keeper.ts';
import type { Ledger, LedgerEntry } from './ledger.ts';
import type { IngestMetrics } from './metrics.ts';
import { Publishers } from './publishers.ts';
import { RegularLook } from './regular-look.ts';
import { busy, REFUSED } from './refusals.ts';
import type { PublisherSession } from './session.ts';
import { IngestStream } from './stream.ts';
import { BACKUP_PATIENCE, hasFailed, TAKEOVER, verdict, type Candidate, type Decision, type Present } from './takeover.ts';
import { Turns } from './turns.ts';

/** What a {@link StreamSite} works with. */
export type SiteOptions = {
  readonly bus: Bus;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: IngestMetrics;
  readonly grace: Millis;
  readonly monotonic: () => Millis;
  /** False where this process was paused, and may not have heard yet what became of its leases. */
  readonly isAwake: () => boolean;
  /** Fence under which a stream's newest broadcast was announced, by whomever. */
  readonly fenceOf: (stream: StreamName) => number | undefined;
  /** Nothing is here any more: neither publisher nor broadcast. */
  readonly empty: (site: StreamSite) => void;
};

/** How often a stand-by looks whether its time has come. */
const LOOK = millis(250);
/** Publishers of one stream that wait to be answered; a broadcaster has two encoders. */
const MAX_WAITING = 8;

/**
 * One stream as far as this process has to do with it (ADR 0013): its publishers here, one main and one backup at most, live or on stand-by, and the
 * stream itself while this process looks after it.
 */
export class StreamSite implements StreamKeeper {
  readonly name: StreamName;
  readonly #options: SiteOptions;
  readonly #publishers: Publishers;
  readonly #turns = new Turns();
  readonly #elsewhere: Elsewhere;
  #held: IngestStream | undefined;
  #unserve: Unsubscribe | undefined;
  readonly #regular: RegularLook;
  #stopped = false;

  constructor(name: StreamName, options: SiteOptions) {
    this.name = name;
    this.#options = options;
    const { bus, clock, log, fenceOf, monotonic } = options;
    this.#regular = new RegularLook(() => this.#look(), LOOK, monotonic);
    this.#publishers = new Publishers({ stream: name, clock, log, host: { keyFrame: (feed) => this.#keyFrame(feed), left: (feed) => this.#left(feed) } });
    this.#elsewhere = new Elsewhere({ bus, clock, stream: name, fence: () => fenceOf(name) });
  }

  /** See {@link StreamKeeper}. */
  get isAwake(): boolean {
    return this.#options.isAwake();
  }

  /** Publishers here. */
  get publishers(): number {
    return this.#publishers.size;
  }

  /** Publishers here that are not live. */
  get standBys(): number {
    return this.#publishers.waiting.length;
  }

  /** True while this process looks after the stream and somebody is publishing. */
  get isLive(): boolean {
    return this.#held?.live ?? false;
  }

  /** True while this process looks after the stream, or is about to. */
  get isBusy(): boolean {
    return this.#held !== undefined || this.#turns.waiting > 0;
  }

  /** Whether a publisher would come into the place of one that is here. */
  has(publisher: Publisher): boolean {
    return this.#publishers.has(publisher);
  }

  /** As `PublisherRegistry.admit`. @throws {MillraceError} `bus/unreachable`. */
  async admit(publisher: Publisher, signal: AbortSignal | undefined): Promise<Admission> {
    if (this.#publishers.isTaken(publisher) || this.#turns.waiting >= MAX_WAITING) {
      return busy(publisher);
    }
    return this.#inTurn(() => this.#admit(publisher, signal));
  }

  /** Takes up a stream with a lease that was free: its broadcast was left by another process or an earlier one. */
  async takeUp(lease: Lease, entry: LedgerEntry | undefined, info?: BroadcastInfo): Promise<void> {
    this.#elsewhere.offer(lease);
    await this.#inTurn(() => {
      // Who was admitted meanwhile may have had use for it.
      if (!this.#elsewhere.accept(lease)) {
        return Promise.resolve();
      }
      if (this.#held || this.#stopped) {
        lease.release();
      } else {
        const held = this.#hold(lease);
        if (info) {
          this.#options.metrics.takeovers.inc({ reason: 'orphan' });
        }
        const isWaiting = entry !== undefined && held.resume(entry);
        if (!isWaiting && info && info.broadcast !== entry?.broadcast) {
          // Nobody can go on with what has no numbers.
          this.#options.bus.announce({ ...info, state: 'ended', fence: lease.fence });
        }
      }
      return Promise.resolve();
    });
  }

  /** What is announced of the stream has changed: a stand-by may have its time. */
  changed(): void {
    if (this.#regular.isOn && !this.#held) {
      this.#elsewhere.hurry();
      this.#look();
    }
  }

  /** Health, metrics and ledger; called about once a second. */
  pulse(): void {
    this.#held?.pulse();
  }

  /** Sends the publishers away; the broadcast is left interrupted, for the next start or another process. */
  stop(reason: string): void {
    this.#stopped = true;
    this.#regular.stop();
    this.#publishers.disconnect(reason);
    void this.#held?.finish();
    this.#held?.leave();
    this.#unserve?.();
  }

  /** Gives the lease back, once the ledger is written. */
  release(): void {
    this.#elsewhere.accept()?.release();
    this.#held?.lease.release();
    this.#held = undefined;
  }

  /** See {@link StreamKeeper}. */
  vacated(session: PublisherSession): boolean {
    this.#publishers.ended(session);
    if (this.#publishers.isChanging || this.#stopped) {
      return this.#publishers.isChanging;
    }
    const next = this.#publishers.readiest;
    if (next) {
      this.#options.metrics.takeovers.inc({ reason: 'left' });
      this.#options.log.info({ stream: this.name, backup: next.isBackup }, 'the publisher has left, and the one on stand-by goes on');
      queueMicrotask(() => this.#look());
    }
    return next !== undefined;
  }

  /** See {@link StreamKeeper}. */
  idle(lease: Lease): void {
    if (this.#held?.lease === lease) {
      this.#letGo(this.#held);
      this.#tidy();
    }
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    return this.#turns.take(work).finally(() => this.#tidy());
  }

  async #admit(publisher: Publisher, signal: AbortSignal | undefined): Promise<Admission> {
    const candidate: Candidate = { backup: publisher.backup ?? false, steady: false };
    if (this.#stopped) {
      return REFUSED.stopping;
    }
    // Somebody else may have been admitted meanwhile.
    if (this.#publishers.isTaken(publisher)) {
      return busy(publisher);
    }
    if (!this.#held) {
      const present = await this.#acquire(candidate, TAKEOVER, signal);
      if (signal?.aborted === true || this.#stopped) {
        return this.#stopped ? REFUSED.stopping : REFUSED.gone;
      }
      if (present) {
        return this.#seat(publisher, verdict(candidate, present) === 'leave' ? 'leave' : 'wait');
      }
    }
    return this.#seat(publisher, verdict(candidate, this.#publishers.present));
  }

  #seat(publisher: Publisher, decision: Decision): Admission {
    if (decision === 'leave') {
      return busy(publisher);
    }
    const feed = this.#publishers.seat(publisher);
    if (decision === 'take' && this.#held) {
      this.#publishers.vacate(true);
      this.#publishers.bringOn(feed, this.#held);
    } else {
      feed.standBy();
    }
    this.#watch();
    const { address, protocol } = publisher;
    this.#options.log.info({ stream: this.name, backup: feed.isBackup, standBy: decision === 'wait', address, protocol }, 'a publisher is admitted');
    return { admitted: true, sink: feed };
  }

  #left(feed: Feed): void {
    this.#publishers.left(feed);
    this.#tidy();
  }

  /** Gets the stream for a candidate. @returns what is told of who keeps it; undefined where it is here now, or nobody asks any more. */
  async #acquire(candidate: Candidate, patience: Millis, signal?: AbortSignal, quietly = false): Promise<Present | undefined> {
    const got = await this.#elsewhere.take(candidate, patience, signal);
    if (got === undefined || !('lost' in got)) {
      return got;
    }
    if (this.#stopped) {
      got.release();
      return undefined;
    }
    try {
      const entry = await this.#options.ledger.read(this.name);
      const held = this.#hold(got);
      if (entry) {
        held.resume(entry, quietly);
      }
      return undefined;
    } catch (error) {
      got.release();
      throw error;
    }
  }

  #hold(lease: Lease): IngestStream {
    const { bus, ledger, clock, log, metrics, grace } = this.#options;
    const held = new IngestStream(this.name, { bus, lease, keeper: this, ledger, clock, log, metrics, grace });
    this.#held = held;
    this.#unserve = serveHolder(bus, this.name, lease.fence, (taker) => this.#answer(taker));
    void lease.lost.then(() => this.#lost(held));
    return held;
  }

  #letGo(held: IngestStream): void {
    held.leave();
    held.lease.release();
    this.#unserve?.();
    this.#unserve = undefined;
    this.#held = undefined;
    this.#elsewhere.excuse();
    this.#elsewhere.hurry();
  }

  /** Somebody else has the stream: nothing more is said of it here. */
  #lost(held: IngestStream): void {
    if (this.#held !== held || this.#stopped) {
      return;
    }
    this.#options.metrics.takeovers.inc({ reason: 'lost' });
    this.#options.log.warn({ stream: this.name }, 'another process has taken the stream over');
    this.#publishers.vacate(false);
    this.#letGo(held);
    this.#watch();
    this.#look();
    this.#tidy();
  }

  /** What others are told; who may take the stream gets it. */
  async #answer(taker: Candidate | undefined): Promise<HolderAnswer> {
    const { present } = this.#publishers;
    if (!taker || !this.#held || verdict(taker, present) !== 'take') {
      return present;
    }
    return await this.#inTurn(async () => {
      const held = this.#held;
      const now = this.#publishers.present;
      if (!held || verdict(taker, now) !== 'take') {
        return now;
      }
      this.#publishers.vacate(hasFailed(now));
      if (!(await held.handOver())) {
        return this.#publishers.present;
      }
      this.#options.metrics.takeovers.inc({ reason: 'handed-over' });
      this.#options.log.info({ stream: this.name, backup: taker.backup }, 'the stream is handed over to another process');
      this.#letGo(held);
      this.#watch();
      return { ...now, yielded: true };
    });
  }

  #watch(): void {
    if (!this.#stopped && this.#publishers.waiting.length > 0) {
      this.#regular.start();
    }
  }

  #look(atKey?: Feed): void {
    if (this.#stopped || this.#publishers.waiting.length === 0) {
      this.#regular.stop();
    } else if (this.#held) {
      this.#lookHere();
    } else if (this.#turns.waiting === 0 && this.#elsewhere.isDue) {
      void this.#inTurn(() => this.#lookAway(atKey));
    }
  }

  /** A stand-by's key frame is the moment to give viewers back to the main. */
  #keyFrame(feed: Feed): void {
    if (this.#held) {
      this.#lookHere(feed);
    } else if (this.#publishers.candidate(feed).steady && !feed.isBackup) {
      this.#elsewhere.hurry();
      this.#look(feed);
    }
  }

  /** This process looks after the stream: whoever may, goes live. */
  #lookHere(atKey?: Feed): void {
    if (!this.#held || this.#stopped || this.#turns.waiting > 0) {
      return;
    }
    const { present } = this.#publishers;
    const next = this.#publishers.waiting.find((feed) => this.#publishers.decide(feed, present, atKey) === 'take');
    if (next) {
      const failed = hasFailed(present);
      if (present.publisher) {
        this.#options.metrics.takeovers.inc({ reason: failed ? 'silent' : 'returned' });
      }
      this.#options.log.info({ stream: this.name, backup: next.isBackup, failed }, failed ? 'the publisher is silent, and the one on stand-by goes on' : 'the one on stand-by goes live');
      this.#publishers.vacate(failed);
      this.#publishers.bringOn(next, this.#held, present.backup);
    }
  }

  /** Another process looks after the stream: asks it, and takes over where that is due. Never rejects. */
  async #lookAway(atKey: Feed | undefined): Promise<void> {
    try {
      const { present, answered } = await this.#elsewhere.ask();
      for (const feed of this.#publishers.waiting) {
        const decision = this.#publishers.decide(feed, present, atKey);
        if (decision === 'leave') {
          feed.disconnect('Another encoder has taken this stream over, on another server.');
        } else if (decision === 'take' || (!answered && feed.isReady)) {
          await this.#takeOver(feed, answered ? BACKUP_PATIENCE : this.#elsewhere.patience, answered && present.backup);
          return;
        }
      }
    } catch (error) {
      // While the bus is away nobody is judged, and after that everybody has some time.
      this.#elsewhere.excuse();
      if (!isUnreachable(error)) {
        this.#options.log.error({ stream: this.name, err: error }, 'a stand-by could not look after its stream');
      }
    }
  }

  async #takeOver(feed: Feed, patience: Millis, returns: boolean): Promise<void> {
    const { log } = this.#options;
    const present = await this.#acquire(this.#publishers.candidate(feed), patience, undefined, true);
    if (!present && this.#held && !this.#publishers.isLive && !this.#stopped && feed.isReady) {
      log.info({ stream: this.name, backup: feed.isBackup }, 'the one on stand-by takes the stream over from another process');
      this.#publishers.bringOn(feed, this.#held, returns);
    }
  }

  /** Lets go of what nobody has use for. */
  #tidy(): void {
    if (this.#turns.waiting > 0 || this.#stopped) {
      return;
    }
    const held = this.#held;
    if (held?.isIdle === true) {
      this.#letGo(held);
    }
    if (!this.#held && this.#publishers.size === 0 && !this.#elsewhere.isOffered) {
      this.#regular.stop();
      this.#options.empty(this);
    }
  }
}
