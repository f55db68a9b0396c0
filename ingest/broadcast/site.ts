import type { Bus, Lease, Unsubscribe } from '#core/bus/bus.ts';
import type { BroadcastInfo, StreamName } from '#core/bus/catalog.ts';
import { elapsed, millis, type Clock, type Millis } from '#core/media/time.ts';
import type { Logger } from '#core/runtime/log.ts';

import type { Admission, AdmissionRefusal, Publisher } from '../source.ts';
import { Feed } from './feed.ts';
import { askHolder, isUnreachable, serveHolder, takeStream, type HolderAnswer } from './holder.ts';
import type { Ledger, LedgerEntry } from './ledger.ts';
import type { IngestMetrics } from './metrics.ts';
import type { PublisherSession } from './session.ts';
import { IngestStream, type StreamKeeper } from './stream.ts';
import { BACKUP_PATIENCE, TAKEOVER, VACANT, verdict, type Candidate, type Present } from './takeover.ts';
import { Turns } from './turns.ts';

/** What a {@link StreamSite} works with. */
export type SiteOptions = {
  readonly bus: Bus;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: IngestMetrics;
  readonly grace: Millis;
  /** False where this process was paused, and may not have heard yet what became of its leases. */
  readonly isAwake: () => boolean;
  /** Fence under which a stream's newest broadcast was announced, by whomever. */
  readonly fenceOf: (stream: StreamName) => number | undefined;
  /** Nothing is here any more: neither publisher nor broadcast. */
  readonly empty: (site: StreamSite) => void;
};

type Role = 'main' | 'backup';

/** How often a stand-by looks whether its time has come: in this process, and by asking another. */
const LOOK = 250;
const ASK_EVERY = millis(500);
/** How long the answer to that may take. */
const ASK_PATIENCE = millis(400);
/** Publishers of one stream that wait to be answered; a broadcaster has two encoders. */
const MAX_WAITING = 8;

const roleOf = (publisher: Publisher): Role => (publisher.backup === true ? 'backup' : 'main');

/**
 * One stream as far as this process has to do with it (ADR 0013): its publishers here, one main and one backup at most, live or on stand-by, and the
 * stream itself while this process looks after it.
 */
export class StreamSite implements StreamKeeper {
  readonly name: StreamName;
  readonly #options: SiteOptions;
  readonly #feeds = new Map<Role, Feed>();
  readonly #turns = new Turns();
  readonly #offered: Lease[] = [];
  #held: IngestStream | undefined;
  #unserve: Unsubscribe | undefined;
  #live: Feed | undefined;
  /** A publisher of this process follows the one that ends now. */
  #isChanging = false;
  #timer: NodeJS.Timeout | undefined;
  /** When the publisher elsewhere was last known to be heard, and when its process was last asked. */
  #heardElsewhere = 0;
  #askedAt = 0;
  #stopped = false;

  constructor(name: StreamName, options: SiteOptions) {
    this.name = name;
    this.#options = options;
  }

  /** See {@link StreamKeeper}. */
  get isAwake(): boolean {
    return this.#options.isAwake();
  }

  /** Publishers here. */
  get publishers(): number {
    return this.#feeds.size;
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
    return this.#feeds.has(roleOf(publisher));
  }

  /** As `PublisherRegistry.admit`. @throws {MillraceError} `bus/unreachable`. */
  async admit(publisher: Publisher, signal: AbortSignal | undefined): Promise<Admission> {
    if (this.#isTaken(publisher) || this.#turns.waiting >= MAX_WAITING) {
      return this.#busy(publisher);
    }
    return this.#inTurn(() => this.#admit(publisher, signal));
  }

  /** Takes up a stream with a lease that was free: its broadcast was left by another process or an earlier one. */
  async takeUp(lease: Lease, entry: LedgerEntry | undefined, info?: BroadcastInfo): Promise<void> {
    this.#offered.push(lease);
    await this.#inTurn(() => {
      // Who was admitted meanwhile may have had use for it.
      if (this.#offered.includes(lease)) {
        this.#offered.splice(this.#offered.indexOf(lease), 1);
        const held = this.#hold(lease);
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
    if (this.#timer && !this.#held) {
      this.#askedAt = -Infinity;
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
    clearInterval(this.#timer);
    [...this.#feeds.values()].forEach((feed) => feed.disconnect(reason));
    this.#held?.leave();
    this.#unserve?.();
  }

  /** Gives the lease back, once the ledger is written. */
  release(): void {
    this.#offered.splice(0).forEach((lease) => lease.release());
    this.#held?.lease.release();
    this.#held = undefined;
  }

  /** See {@link StreamKeeper}. */
  vacated(session: PublisherSession): boolean {
    const feed = [...this.#feeds.values()].find((one) => one === this.#live && one.session === session);
    this.#live = undefined;
    if (feed) {
      this.#feeds.delete(roleOf(feed.publisher));
    }
    if (this.#isChanging || this.#stopped) {
      return this.#isChanging;
    }
    const next = this.#readiest();
    if (next) {
      this.#options.log.info({ stream: this.name, backup: next.isBackup }, 'the publisher has left, and the one on stand-by goes on');
      queueMicrotask(() => this.#look());
    }
    return next !== undefined;
  }

  /** See {@link StreamKeeper}. */
  idle(held: IngestStream): void {
    if (this.#held === held) {
      this.#letGo();
      held.lease.release();
      this.#tidy();
    }
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    return this.#turns.take(work).finally(() => this.#tidy());
  }

  async #admit(publisher: Publisher, signal: AbortSignal | undefined): Promise<Admission> {
    const candidate: Candidate = { backup: publisher.backup ?? false, steady: false };
    // Somebody else may have been admitted meanwhile.
    if (this.#isTaken(publisher)) {
      return this.#busy(publisher);
    }
    if (!this.#held) {
      const present = await this.#acquire(candidate, TAKEOVER, signal);
      if (signal?.aborted === true || this.#stopped) {
        return this.#stopped ? refusal('ingest/stopping', 'The server is stopping. Try again in a moment.') : refusal('ingest/gone', 'The connection has ended.');
      }
      if (present) {
        this.#heardElsewhere = this.#options.clock() - present.heardAgo;
        return this.#seat(publisher, verdict(candidate, present) === 'leave' ? 'leave' : 'wait');
      }
    }
    return this.#seat(publisher, verdict(candidate, this.#present()));
  }

  /** Gives a publisher its place. One of its kind that was silent is sent away. */
  #seat(publisher: Publisher, decision: ReturnType<typeof verdict>): Admission {
    if (decision === 'leave') {
      return this.#busy(publisher);
    }
    const role = roleOf(publisher);
    this.#feeds.get(role)?.disconnect('Another encoder has taken this stream over after two seconds of silence.');
    const { clock, log } = this.#options;
    const feed = new Feed({ publisher, clock, log, host: { keyFrame: (one) => this.#keyFrame(one), left: (one) => this.#left(one) } });
    this.#feeds.set(role, feed);
    if (decision === 'take') {
      this.#vacate(true);
      this.#bringOn(feed);
    } else {
      feed.standBy();
    }
    this.#watch();
    log.info({ stream: this.name, role, standBy: decision === 'wait', address: publisher.address }, 'a publisher is admitted');
    return { admitted: true, sink: feed };
  }

  #left(feed: Feed): void {
    const role = roleOf(feed.publisher);
    if (this.#feeds.get(role) === feed) {
      this.#feeds.delete(role);
      this.#options.log.info({ stream: this.name, role }, 'a publisher on stand-by is gone');
      this.#tidy();
    }
  }

  /** A feed goes live; this process looks after the stream, and nobody else is live. */
  #bringOn(feed: Feed): void {
    const held = this.#held;
    if (held) {
      this.#live = feed;
      feed.goLive((known) => held.open(feed.publisher, known));
    }
  }

  /** Whoever is live here makes room for another of this process: the same publisher's session ends, it stands by. */
  #vacate(failed: boolean): void {
    const live = this.#live;
    if (live) {
      this.#isChanging = true;
      try {
        this.#live = undefined;
        live.standBy(failed);
      } finally {
        this.#isChanging = false;
      }
    }
  }

  #present(): Present {
    const live = this.#live;
    return live ? { publisher: true, backup: live.isBackup, heardAgo: this.#silence(live) } : VACANT;
  }

  #silence(feed: Feed): Millis {
    return millis(Math.max(0, elapsed(feed.heardAt, this.#options.clock())));
  }

  #isTaken(publisher: Publisher): boolean {
    const rival = this.#feeds.get(roleOf(publisher));
    return rival !== undefined && this.#silence(rival) < TAKEOVER;
  }

  #busy(publisher: Publisher): Admission {
    return publisher.backup === true
      ? refusal('ingest/backup-busy', `The stream ${this.name} has a backup here already. Stop the other encoder first, or send this one to another server.`)
      : refusal('ingest/stream-busy', `The stream ${this.name} is live already. Stop the other encoder first.`);
  }

  /** Gets the stream for a candidate. @returns what is told of who keeps it; undefined where it is here now, or nobody asks any more. */
  async #acquire(candidate: Candidate, patience: Millis, signal?: AbortSignal, quietly = false): Promise<Present | undefined> {
    const { bus, clock, fenceOf, ledger } = this.#options;
    const got = await takeStream({ bus, clock, stream: this.name, taker: candidate, patience, signal, fence: () => fenceOf(this.name), offered: () => this.#offered.shift() });
    if (got === undefined || !('lost' in got)) {
      return got;
    }
    if (this.#stopped) {
      got.release();
      return undefined;
    }
    try {
      const entry = await ledger.read(this.name);
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

  #letGo(): void {
    this.#unserve?.();
    this.#unserve = undefined;
    this.#held = undefined;
    this.#heardElsewhere = this.#options.clock();
    this.#askedAt = -Infinity;
  }

  /** Somebody else has the stream: nothing more is said of it here. */
  #lost(held: IngestStream): void {
    if (this.#held !== held || this.#stopped) {
      return;
    }
    this.#options.log.warn({ stream: this.name }, 'another process has taken the stream over');
    this.#vacate(false);
    held.leave();
    this.#letGo();
    this.#watch();
    this.#look();
    this.#tidy();
  }

  /** What others are told; who may take the stream gets it. */
  async #answer(taker: Candidate | undefined): Promise<HolderAnswer> {
    const present = this.#present();
    if (!taker || !this.#held || verdict(taker, present) !== 'take') {
      return present;
    }
    return await this.#inTurn(async () => {
      const held = this.#held;
      const now = this.#present();
      if (!held || verdict(taker, now) !== 'take') {
        return now;
      }
      this.#vacate(hasFailed(now));
      if (!(await held.handOver())) {
        return this.#present();
      }
      this.#options.log.info({ stream: this.name, backup: taker.backup }, 'the stream is handed over to another process');
      this.#letGo();
      held.lease.release();
      this.#watch();
      return { ...now, yielded: true };
    });
  }

  #watch(): void {
    if (!this.#timer && !this.#stopped && this.#waiting().length > 0) {
      this.#timer = setInterval(() => this.#look(), LOOK);
      this.#timer.unref();
    }
  }

  /** Publishers on stand-by, the main first. */
  #waiting(): Feed[] {
    return (['main', 'backup'] as const).map((role) => this.#feeds.get(role)).filter((feed) => feed !== undefined && feed !== this.#live) as Feed[];
  }

  #readiest(): Feed | undefined {
    return this.#waiting().find((feed) => feed.isReady);
  }

  #look(atKey?: Feed): void {
    if (this.#stopped || this.#waiting().length === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    } else if (this.#held) {
      this.#lookHere();
    } else if (this.#turns.waiting === 0 && Math.abs(this.#options.clock() - this.#askedAt) >= ASK_EVERY) {
      this.#askedAt = this.#options.clock();
      void this.#inTurn(() => this.#lookAway(atKey));
    }
  }

  /** A stand-by's key frame is the moment to give viewers back to the main. */
  #keyFrame(feed: Feed): void {
    if (this.#held) {
      this.#lookHere(feed);
    } else if (feed.candidate.steady && !feed.isBackup) {
      this.#askedAt = -Infinity;
      this.#look(feed);
    }
  }

  /** What a stand-by may do. A planned change waits for its key frame. */
  #decide(feed: Feed, present: Present, atKey: Feed | undefined): ReturnType<typeof verdict> {
    const decision = verdict(feed.candidate, present);
    if (decision === 'take') {
      const isPlanned = present.publisher && !hasFailed(present);
      return feed.isReady && (!isPlanned || feed === atKey) ? 'take' : 'wait';
    }
    return decision;
  }

  /** This process looks after the stream: whoever may, goes live. */
  #lookHere(atKey?: Feed): void {
    if (!this.#held || this.#stopped || this.#turns.waiting > 0) {
      return;
    }
    const present = this.#present();
    const next = this.#waiting().find((feed) => this.#decide(feed, present, atKey) === 'take');
    if (next) {
      const failed = hasFailed(present);
      this.#options.log.info({ stream: this.name, backup: next.isBackup, failed }, failed ? 'the publisher is silent, and the one on stand-by goes on' : 'the one on stand-by goes live');
      this.#vacate(failed);
      this.#bringOn(next);
    }
  }

  /** Another process looks after the stream: asks it, and takes over where that is due. Never rejects. */
  async #lookAway(atKey: Feed | undefined): Promise<void> {
    const { bus, clock, fenceOf, log } = this.#options;
    try {
      const asked = clock();
      const answer = await askHolder(bus, this.name, fenceOf(this.name), undefined, ASK_PATIENCE);
      if (answer) {
        this.#heardElsewhere = asked - answer.heardAgo;
      }
      // Nobody answers: the time since somebody was last heard counts.
      const present: Present = answer ?? { publisher: true, backup: true, heardAgo: millis(Math.max(0, clock() - this.#heardElsewhere)) };
      for (const feed of this.#waiting()) {
        const decision = this.#decide(feed, present, atKey);
        if (decision === 'leave') {
          feed.disconnect('Another encoder has taken this stream over, on another server.');
        } else if (decision === 'take' || (!answer && feed.isReady)) {
          await this.#takeOver(feed, answer ? BACKUP_PATIENCE : millis(Math.max(1, BACKUP_PATIENCE - present.heardAgo)));
          return;
        }
      }
    } catch (error) {
      // While the bus is away nobody is judged, and after that everybody has some time.
      this.#heardElsewhere = clock();
      if (!isUnreachable(error)) {
        log.error({ stream: this.name, err: error }, 'a stand-by could not look after its stream');
      }
    }
  }

  async #takeOver(feed: Feed, patience: Millis): Promise<void> {
    const { log } = this.#options;
    const present = await this.#acquire(feed.candidate, patience, undefined, true);
    if (!present && this.#held && !this.#stopped) {
      if (feed.isReady && !this.#live) {
        log.info({ stream: this.name, backup: feed.isBackup }, 'the one on stand-by takes the stream over from another process');
        this.#bringOn(feed);
      }
    }
  }

  /** Lets go of what nobody has use for. */
  #tidy(): void {
    if (this.#turns.waiting > 0 || this.#stopped) {
      return;
    }
    const held = this.#held;
    if (held?.isIdle === true) {
      this.#letGo();
      held.lease.release();
    }
    if (!this.#held && this.#feeds.size === 0 && this.#offered.length === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
      this.#options.empty(this);
    }
  }
}

/** True where viewers have to be taken from who is live, whatever it will do. */
function hasFailed(present: Present): boolean {
  return present.publisher && present.heardAgo >= BACKUP_PATIENCE;
}

function refusal(code: AdmissionRefusal, message: string): Admission {
  return { admitted: false, code, message };
}
