import type { Bus, Lease, Unsubscribe } from '#core/bus/bus.ts';
import type { BroadcastInfo, IngestHealth, StreamName } from '#core/bus/catalog.ts';
import { metadataSubject, type MetadataAnswer, type MetadataRequest } from '#core/bus/metadata.ts';
import type { BroadcastId, Frame } from '#core/media/frame.ts';
import { elapsed, later, millis, wallTime, type Clock, type Millis, type WallTime } from '#core/media/time.ts';
import { MillraceError } from '#core/runtime/errors.ts';
import type { Logger } from '#core/runtime/log.ts';

import { EventDesk } from '../metadata/event-desk.ts';
import type { Publisher } from '../source.ts';
import type { EpochStart } from '../timeline/describe.ts';
import type { EpochGrant } from '../timeline/grant.ts';
import type { SourceMemory } from '../timeline/timeline.ts';
import type { StreamKeeper } from './keeper.ts';
import type { Ledger, LedgerEntry } from './ledger.ts';
import type { IngestMetrics } from './metrics.ts';
import { BroadcastNumbers } from './numbers.ts';
import { pause } from './pause.ts';
import { PublisherSession, type SessionHost } from './session.ts';
import { WriteLease } from './write-lease.ts';

/** What a stream works with. */
export type StreamOptions = {
  readonly bus: Bus;
  /** The lease `stream/<stream>`: while it holds, this process looks after the stream. */
  readonly lease: Lease;
  readonly keeper: StreamKeeper;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: IngestMetrics;
  /** How long a broadcast waits for its publisher to return. */
  readonly grace: Millis;
};

/** A publisher heard this recently may be about to begin although the grace time is over. */
const BEGINNING = 5000;
/** A ledger slower than this does not keep an epoch waiting any longer. */
const LEDGER_PATIENCE = millis(500);
/** After a pause of the process: until then it has heard what became of its leases. */
const AWAKENING = millis(2000);

/** One stream's life where it is looked after: publishers come and go, broadcasts begin, are interrupted, continued and ended. */
export class IngestStream implements SessionHost {
  readonly name: StreamName;
  readonly #options: StreamOptions;
  readonly #timescales = new Map<string, number>();
  #numbers: BroadcastNumbers | undefined;
  #session: PublisherSession | undefined;
  readonly #writing: WriteLease;
  /** True once this process has given out frames of the broadcast. */
  #begun = false;
  #leaving = false;
  #info: BroadcastInfo | undefined;
  #memory: SourceMemory | undefined;
  #graceTimer: NodeJS.Timeout | undefined;
  #newestGroup = -1;
  #ladder: { readonly broadcast: BroadcastId; readonly unsubscribe: Unsubscribe } | undefined;
  readonly #desk: EventDesk;
  /** Takes back that messages are taken; undefined while nothing is on the bus. */
  #unserve: Unsubscribe | undefined;
  #segmentsSource = false;
  #counted = { jumps: 0, dropped: 0 };

  constructor(name: StreamName, options: StreamOptions) {
    this.name = name;
    this.#options = options;
    this.#writing = new WriteLease(options.bus, name);
    this.#desk = new EventDesk({ clock: options.clock, isLive: () => this.live });
  }

  /** The present publisher's session. */
  get session(): PublisherSession | undefined {
    return this.#session;
  }

  get live(): boolean {
    return this.#info?.state === 'live';
  }

  /** As the transcoder's ladder says; its setting `source` passes anything through. */
  get segmentsSource(): boolean {
    return this.#segmentsSource;
  }

  /** The lease under which the stream is looked after. */
  get lease(): Lease {
    return this.#options.lease;
  }

  /** True where there is neither publisher nor broadcast. */
  get isIdle(): boolean {
    return this.#session === undefined && this.#info === undefined;
  }

  /**
   * Takes up a broadcast that another process, or an earlier one, left. `quietly`: a publisher that is known follows at once.
   *
   * @returns false where its grace time is over: then it has ended.
   */
  resume(entry: LedgerEntry, quietly = false): boolean {
    const { clock, grace, ledger, log } = this.#options;
    const now = clock();
    // A clock that was set back must not make the grace time longer.
    const graceEnds = wallTime(Math.min(entry.aliveAt, now) + grace);
    this.#numbers = BroadcastNumbers.restored(entry);
    if (graceEnds <= now) {
      if (ledger.shared) {
        this.#announce({ state: 'ended', epoch: entry.epoch });
      }
      this.#numbers = undefined;
      this.#info = undefined;
      void ledger.remove(this.name, this.lease.fence);
      return false;
    }
    this.#memory = entry.memory;
    if (quietly) {
      this.#info = this.#infoOf({ state: 'live', epoch: entry.epoch });
      return true;
    }
    this.#announce({ state: 'interrupted', epoch: entry.epoch, graceEnds });
    this.#watchGrace(graceEnds);
    log.info({ stream: this.name, broadcast: entry.broadcast }, 'an interrupted broadcast waits for its publisher');
    return true;
  }

  /** Opens a session for a publisher. `known`: what was found out of its source already. */
  open(publisher: Publisher, known: { readonly memory: SourceMemory | undefined; readonly sure: boolean } = { memory: undefined, sure: false }): PublisherSession {
    const { bus, clock, log } = this.#options;
    this.#counted = { jumps: 0, dropped: 0 };
    const session = new PublisherSession({ publisher, host: this, bus, clock, log, memory: known.memory ?? this.#memory, sure: known.sure });
    this.#session = session;
    return session;
  }

  async grant(session: PublisherSession, fence: number): Promise<EpochGrant | undefined> {
    const { clock, ledger } = this.#options;
    const now = clock();
    this.#numbers ??= BroadcastNumbers.fresh(this.name, now);
    const grant = this.#numbers.grant(fence, now);
    // The epoch's number is kept before its first frame goes out: it never comes back with other bytes.
    const kept = ledger.write(this.#entry(this.#aliveAt(now), true, this.#memory), this.lease.fence);
    if (ledger.shared && !this.#begun) {
      // Another process could give the same numbers out again. A broadcast that is this one's already goes on all the same.
      if (!(await kept)) {
        throw new MillraceError('ingest/unreachable', 'the server cannot reach the others that belong to it');
      }
    } else {
      await Promise.race([kept, pause(LEDGER_PATIENCE)]);
    }
    return session === this.#session && this.#numbers?.broadcast === grant.broadcast ? grant : undefined;
  }

  begin(session: PublisherSession, start: EpochStart): void {
    const { bus, log } = this.#options;
    const { grant, grouping, tracks, encoder } = start;
    const { broadcast, epoch, fence } = grant;
    clearTimeout(this.#graceTimer);
    this.#begun = true;
    this.#timescales.clear();
    tracks.forEach(({ name, config }) => this.#timescales.set(name, config.timescale));
    this.#announce({ state: 'live', epoch });
    bus.putCatalog(broadcast, 'source', {
      stream: this.name,
      broadcast,
      epoch,
      fence,
      protocol: session.publisher.protocol,
      grouping,
      tracks,
      ...(encoder === undefined ? {} : { encoder }),
    });
    this.#desk.begin(tracks);
    this.#unserve ??= bus.serve(metadataSubject(this.name), (payload) => this.#takeMessage(payload));
    // What was held back goes out in this turn; the ledger follows it.
    queueMicrotask(() => this.#save());
    this.#followLadder(broadcast);
    log.info({ stream: this.name, broadcast, epoch, grouping: grouping.mode, tracks: tracks.map((track) => track.config.codecString) }, 'an epoch begins');
  }

  writeLease(): Promise<Lease> {
    return this.#writing.take();
  }

  stamp(frame: Frame): Frame {
    return this.#desk.stamp(frame);
  }

  message(message: MetadataRequest): MillraceError | undefined {
    const refused = this.#desk.post(message);
    const { messages, messagesRefused } = this.#options.metrics;
    (refused === undefined ? messages : messagesRefused).inc({ stream: this.name });
    return refused;
  }

  note(frame: Frame): void {
    this.#desk.wrote(frame);
    this.#numbers?.note(frame, this.#timescales.get(frame.track) ?? 1);
    if (frame.group > this.#newestGroup) {
      this.#newestGroup = frame.group;
      this.#options.metrics.groups.inc({ stream: this.name });
    }
  }

  ended(session: PublisherSession, how: 'unpublished' | 'lost'): void {
    if (session !== this.#session) {
      return;
    }
    this.#count(session);
    this.#memory = session.memory;
    this.#session = undefined;
    const { clock, grace, ledger, log, keeper } = this.#options;
    const isFollowed = keeper.vacated(session);
    this.#desk.dismiss();
    if (isFollowed) {
      return;
    }
    log.info({ stream: this.name, how }, 'the publisher is gone');
    if (this.live && this.#numbers) {
      const now = clock();
      const graceEnds = later(now, grace);
      this.#showHealth({ bitrate: 0, frameRate: 0, address: session.publisher.address, warnings: [] });
      this.#announce({ state: 'interrupted', epoch: this.#info?.epoch ?? 0, graceEnds });
      void ledger.write(this.#entry(now, false, this.#memory), this.lease.fence);
      this.#watchGrace(graceEnds);
    } else if (!this.#info) {
      // Nothing was ever given out: there is nothing to come back to.
      this.#numbers = undefined;
      void ledger.remove(this.name, this.lease.fence);
      keeper.idle(this.lease);
    }
  }

  /** Health, metrics and ledger; called about once a second. */
  pulse(): void {
    const health = this.#session?.examine(this.#options.clock());
    if (this.#session && health && this.live) {
      this.#showHealth(health);
      this.#count(this.#session);
      this.#save();
    }
  }

  /**
   * Gives the stream up for another process, which goes on at the exact numbers. The session has ended before. False where that cannot be
   * kept: then the stream stays here.
   */
  async handOver(): Promise<boolean> {
    clearTimeout(this.#graceTimer);
    const kept = await this.finish();
    if (kept) {
      this.leave();
    } else {
      this.#leaving = false;
      if (this.#info?.graceEnds !== undefined) {
        this.#watchGrace(this.#info.graceEnds);
      }
    }
    return kept;
  }

  /** Keeps the exact numbers, for whoever goes on: nothing more is given out here. False where that failed. */
  finish(): Promise<boolean> {
    this.#leaving = true;
    const { clock, ledger } = this.#options;
    return this.#info && this.#numbers
      ? ledger.write(this.#entry(this.#aliveAt(clock()), false, this.#memory), this.lease.fence)
      : ledger.remove(this.name, this.lease.fence);
  }

  /** Says and does nothing more: the stream is another process's, or the server stops and the broadcast waits for the next start. */
  leave(): void {
    clearTimeout(this.#graceTimer);
    this.#writing.release();
    this.#options.metrics.forget(this.name);
    this.#ladder?.unsubscribe();
    this.#leaveBus();
  }

  /** No messages are taken any more. */
  #leaveBus(): void {
    this.#desk.reset();
    this.#unserve?.();
    this.#unserve = undefined;
  }

  async #takeMessage(payload: unknown): Promise<MetadataAnswer> {
    const { messages, messagesRefused } = this.#options.metrics;
    try {
      const answer = await this.#desk.take(payload);
      messages.inc({ stream: this.name });
      return answer;
    } catch (error) {
      messagesRefused.inc({ stream: this.name });
      throw error;
    }
  }

  #followLadder(broadcast: BroadcastId): void {
    if (this.#ladder?.broadcast === broadcast) {
      return;
    }
    this.#ladder?.unsubscribe();
    const unsubscribe = this.#options.bus.onCatalog(broadcast, 'ladder', ({ renditions }) => {
      this.#segmentsSource = renditions.some(({ track, faces }) => track === 'video' && faces.includes('hls'));
    });
    this.#ladder = { broadcast, unsubscribe };
  }

  #save(): void {
    if (this.#session && this.#numbers && this.live) {
      void this.#options.ledger.write(this.#entry(this.#options.clock(), true, this.#session.memory), this.lease.fence);
    }
  }

  #entry(aliveAt: WallTime, live: boolean, memory: SourceMemory | undefined): LedgerEntry {
    if (!this.#numbers) {
      throw new MillraceError('ingest/no-broadcast', `${this.name} has no broadcast`);
    }
    const { shared } = this.#options.ledger;
    // A file's last write may be older than what was given out after it.
    return this.#numbers.entry(aliveAt, live, memory, { shared, final: shared && this.#leaving });
  }

  #showHealth(health: IngestHealth): void {
    const { bus, metrics } = this.#options;
    if (this.#numbers) {
      bus.putCatalog(this.#numbers.broadcast, 'ingest', health);
    }
    metrics.bitrate.set({ stream: this.name }, health.bitrate);
    metrics.frameRate.set({ stream: this.name }, health.frameRate);
  }

  #aliveAt(now: WallTime): WallTime {
    // A publisher that only knocks does not keep an interrupted broadcast alive.
    return this.#info?.graceEnds === undefined ? now : wallTime(this.#info.graceEnds - this.#options.grace);
  }

  #announce(change: Pick<BroadcastInfo, 'state' | 'epoch' | 'graceEnds'>): void {
    this.#info = this.#infoOf(change);
    if (this.#info) {
      this.#options.bus.announce(this.#info);
    }
  }

  #infoOf(change: Pick<BroadcastInfo, 'state' | 'epoch' | 'graceEnds'>): BroadcastInfo | undefined {
    if (!this.#numbers) {
      return undefined;
    }
    const { broadcast, startedAt } = this.#numbers;
    return { stream: this.name, broadcast, startedAt, fence: this.lease.fence, ...change };
  }

  #watchGrace(graceEnds: WallTime): void {
    clearTimeout(this.#graceTimer);
    this.#graceTimer = setTimeout(() => this.#graceOver(), Math.max(0, elapsed(this.#options.clock(), graceEnds)));
  }

  #graceOver(): void {
    const now = this.#options.clock();
    if (this.#session && elapsed(this.#session.heardAt, now) < BEGINNING) {
      this.#watchGrace(later(now, millis(1000)));
      return;
    }
    if (!this.#options.keeper.isAwake) {
      this.#watchGrace(later(now, AWAKENING));
      return;
    }
    this.#announce({ state: 'ended', epoch: this.#info?.epoch ?? 0 });
    this.#options.log.info({ stream: this.name, broadcast: this.#numbers?.broadcast }, 'the broadcast has ended');
    this.#ladder?.unsubscribe();
    this.#ladder = undefined;
    this.#leaveBus();
    this.#numbers = undefined;
    this.#info = undefined;
    this.#begun = false;
    this.#newestGroup = -1;
    void this.#options.ledger.remove(this.name, this.lease.fence);
    this.#options.metrics.forget(this.name);
    if (this.#session) {
      void this.#session.renew();
    } else {
      this.#options.keeper.idle(this.lease);
    }
  }

  #count(session: PublisherSession): void {
    const { jumps, dropped } = session.counts;
    this.#options.metrics.jumps.inc({ stream: this.name }, Math.max(0, jumps - this.#counted.jumps));
    this.#options.metrics.dropped.inc({ stream: this.name }, Math.max(0, dropped - this.#counted.dropped));
    this.#counted = { jumps, dropped };
  }
}
