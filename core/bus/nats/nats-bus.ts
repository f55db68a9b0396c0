import { jetstream, type JetStreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';

import type { BroadcastId } from '../../media/frame.ts';
import { millis, systemClock, type Millis } from '../../media/time.ts';
import type { TrackName } from '../../media/track.ts';
import { MillraceError } from '../../runtime/errors.ts';
import type { ConsumeOptions, Lease, TrackConsumer, TrackProducer, Unsubscribe } from '../bus.ts';
import type { BroadcastInfo, CatalogSections } from '../catalog.ts';
import type { NodeId, NodeInfo } from '../node.ts';
import type { SharedState } from '../shared-state.ts';
import { ConnectionMonitor } from './connection/monitor.ts';
import type { SpareLines } from './connection/spare-lines.ts';
import type { NatsBus, NatsOptions } from './contract.ts';
import { Janitor } from './kv/janitor.ts';
import { BucketKeeper, type BucketUser } from './kv/keeper.ts';
import type { Record } from './kv/record.ts';
import { NatsLeases } from './leases.ts';
import { createNatsMedia, type NatsMedia } from './media/media.ts';
import { createNatsMetrics, type ConnectionName, type NatsMetrics } from './metrics.ts';
import { Heartbeats, type Monotonic } from './presence/heartbeats.ts';
import { NatsNodes } from './presence/nodes.ts';
import { NatsQuestions } from './questions.ts';
import { NatsBroadcasts } from './registry/broadcasts.ts';
import { NatsCatalogs } from './registry/catalogs.ts';
import { Registers } from './registry/registers.ts';
import { NatsShared } from './shared.ts';

/** What {@link ConnectedBus} stands on. */
export type ConnectedBusDeps = {
  readonly options: NatsOptions;
  readonly control: NatsConnection;
  readonly media: NatsConnection;
  readonly spareLines: SpareLines;
  readonly manager: JetStreamManager;
};

/** NATS may be away so long before listeners are told that what is written elsewhere is interrupted. */
const CUT_OFF = millis(2000);
/** What this process leaves behind may take so long to write when it goes. */
const FAREWELL = millis(1000);
const SWEEP = millis(1000);
/** What viewers wait for. */
const AT_ONCE = millis(0);
/** Health and load are told each second by each stage of each broadcast: not much more than that is written, whoever tells it more often. */
const SELDOM = millis(400);
/** Fences of resources that nobody holds: far beyond what clocks of machines differ by, from which fences begin anew. */
const UNHELD_LEASE = millis(3600 * 1000);
const UNHELD_VALUE = millis(24 * 3600 * 1000);
const GONE_NODE = millis(60_000);
const FORGOTTEN = millis(120_000);

/** The bus over NATS, composed: each part keeps one of its promises. */
export class ConnectedBus implements NatsBus {
  readonly shared: SharedState;
  readonly closed: Promise<void>;
  readonly #control: NatsConnection;
  readonly #mediaConnection: NatsConnection;
  readonly #spareLines: SpareLines;
  readonly #options: NatsOptions;
  readonly #media: NatsMedia;
  readonly #heartbeats: Heartbeats;
  readonly #broadcasts: NatsBroadcasts;
  readonly #catalogs: NatsCatalogs;
  readonly #nodes: NatsNodes;
  readonly #leases: NatsLeases;
  readonly #shared: NatsShared;
  readonly #questions: NatsQuestions;
  readonly #registers: readonly Registers[];
  readonly #keepers: readonly BucketKeeper[];
  readonly #monitors: readonly ConnectionMonitor[];
  readonly #janitor: Janitor;
  readonly #metrics: NatsMetrics;
  readonly #listeners = new Set<(connected: boolean) => void>();
  readonly #sweepTimer: NodeJS.Timeout;
  #cutOffTimer: NodeJS.Timeout | undefined;
  #wasConnected = false;
  #closing: Promise<void> | undefined;
  #settleClosed: () => void = () => undefined;

  constructor({ options, control, media, spareLines, manager }: ConnectedBusDeps) {
    const { node, clock = systemClock } = options;
    const log = options.log.child({ part: 'nats' });
    const session = `${node}.${crypto.randomUUID().slice(0, 8)}`;
    const now: Monotonic = () => millis(performance.now());
    this.#options = options;
    this.#control = control;
    this.#mediaConnection = media;
    this.#spareLines = spareLines;
    this.closed = new Promise((resolve) => {
      this.#settleClosed = resolve;
    });
    this.#metrics = createNatsMetrics(options.metrics, () => this.#registers.reduce((sum, { waiting }) => sum + waiting, 0));
    this.#media = createNatsMedia({ connection: media, spareLines: spareLines.connections, node, log, ...(options.metrics === undefined ? {} : { metrics: options.metrics }) });
    this.#heartbeats = new Heartbeats({ connection: control, session, log, now });

    const bucketDeps = { connection: control, jetstream: jetstream(control), manager, replicas: options.replicas ?? 1, log };
    const keep = (name: string, user: BucketUser): BucketKeeper => new BucketKeeper({ ...bucketDeps, name: `millrace-${name}` }, user, () => this.#changed());
    const registers = (pace: (key: string) => Millis, changed: (key: string, record: Record | undefined) => void): Registers => new Registers({ session, pace, log }, changed);

    const broadcasts = registers(() => AT_ONCE, (key) => this.#broadcasts.changed(key as BroadcastId));
    const catalogs = registers((key) => (/\/(source|ladder)$/.test(key) ? AT_ONCE : SELDOM), (key, record) => this.#catalogs.changed(key, record));
    const nodes = registers(() => SELDOM, (key) => this.#nodes.changed(key));
    this.#registers = [broadcasts, catalogs, nodes];

    const leaseKeeper: BucketKeeper = keep('leases', {
      arrived: (key, entry) => this.#leases.arrived(key, entry),
      online: (bucket) => this.#leases.online(bucket),
      offline: () => this.#leases.offline(),
    });
    const sharedKeeper: BucketKeeper = keep('shared', { arrived: (key, entry) => this.#shared.arrived(key, entry), online: () => undefined, offline: () => undefined });
    const broadcastKeeper = keep('broadcasts', userOf(broadcasts));
    const catalogKeeper = keep('catalogs', userOf(catalogs));
    const nodeKeeper = keep('nodes', userOf(nodes));
    this.#keepers = [nodeKeeper, leaseKeeper, sharedKeeper, broadcastKeeper, catalogKeeper];

    const heartbeats = this.#heartbeats;
    this.#broadcasts = new NatsBroadcasts({
      registers: broadcasts,
      heartbeats,
      session,
      clock,
      now,
      forgetAfter: options.forgetAfter ?? millis(60_000),
      ended: (broadcast) => this.#media.end(broadcast),
      forgotten: (broadcast) => this.#catalogs.forget(broadcast),
    });
    this.#catalogs = new NatsCatalogs({ registers: catalogs, heartbeats, session, now, isKnown: (broadcast) => this.#broadcasts.has(broadcast) });
    this.#nodes = new NatsNodes({ registers: nodes, heartbeats, session, log });
    this.#leases = new NatsLeases({ session, clock, heartbeats, log, reachable: leaseKeeper.reachable });
    this.#shared = new NatsShared(session, sharedKeeper.reachable);
    this.shared = this.#shared;
    this.#questions = new NatsQuestions(control, () => this.#monitors.every(({ isUp }) => isUp));
    const unheld = (lifetime: Millis) => ({ by }: Record) => (by === '' || !heartbeats.isAlive(by) ? lifetime : undefined);
    this.#janitor = new Janitor(
      [
        { bucket: leaseKeeper.bucket, lifetime: unheld(UNHELD_LEASE) },
        { bucket: nodeKeeper.bucket, lifetime: unheld(GONE_NODE) },
        { bucket: sharedKeeper.bucket, lifetime: ({ body }) => (body.byteLength === 0 ? UNHELD_VALUE : undefined) },
        // What was forgotten here, and not taken away by whose it was.
        { bucket: broadcastKeeper.bucket, lifetime: (_, key) => (this.#broadcasts.has(key as BroadcastId) ? undefined : FORGOTTEN) },
        { bucket: catalogKeeper.bucket, lifetime: (_, key) => (this.#broadcasts.has(key.split('/')[0] as BroadcastId) ? undefined : FORGOTTEN) },
      ],
      { heartbeats, now, log },
    );
    this.#monitors = [this.#monitor('control', control), this.#monitor('media', media)];
    this.#sweepTimer = setInterval(() => this.#sweep(), SWEEP);
    this.#sweepTimer.unref();
  }

  /** Reads all that is known. Rejects with `nats/no-jetstream` where it cannot be read within `limit`. */
  async start(limit: Millis): Promise<void> {
    const heard = this.#comeOnline();
    const expired = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      const problem = this.#keepers.find(({ isReady }) => !isReady)?.problem ?? 'it does not answer';
      expired.reject(new MillraceError('nats/no-jetstream', `NATS does not give Millrace its key-value buckets: ${problem}`));
    }, limit);
    try {
      await Promise.race([Promise.all([heard, ...this.#keepers.map(({ reachable }) => untilReady(reachable))]), expired.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  get connected(): boolean {
    return this.#closing === undefined && this.#isUp && this.#keepers.every(({ isReady }) => isReady);
  }

  onConnection(listener: (connected: boolean) => void): Unsubscribe {
    const entry = (connected: boolean): void => listener(connected);
    this.#listeners.add(entry);
    return () => this.#listeners.delete(entry);
  }

  announce(info: BroadcastInfo): void {
    this.#open();
    this.#broadcasts.announce(info);
  }

  onBroadcast(listener: (info: BroadcastInfo) => void): Unsubscribe {
    return this.#broadcasts.subscribe(listener);
  }

  produce(broadcast: BroadcastId, track: TrackName, options: { readonly fence: number }): TrackProducer {
    this.#open();
    return this.#media.produce(broadcast, track, options);
  }

  consume(broadcast: BroadcastId, track: TrackName, options?: ConsumeOptions): TrackConsumer {
    this.#open();
    return this.#media.consume(broadcast, track, options);
  }

  putCatalog<S extends keyof CatalogSections>(broadcast: BroadcastId, section: S, value: CatalogSections[S]): void {
    this.#open();
    this.#catalogs.put(broadcast, section, value);
  }

  onCatalog<S extends keyof CatalogSections>(broadcast: BroadcastId, section: S, listener: (value: CatalogSections[S]) => void): Unsubscribe {
    return this.#catalogs.subscribe(broadcast, section, listener);
  }

  async lease(resource: string): Promise<Lease> {
    this.#open();
    const lease = await this.#leases.take(resource, false);
    if (lease === undefined) {
      throw new MillraceError('bus/unreachable', `the lease "${resource}" could not be taken`);
    }
    return lease;
  }

  tryLease(resource: string): Promise<Lease | undefined> {
    return this.#closing === undefined ? this.#leases.take(resource, true) : Promise.reject(closedError());
  }

  serve(subject: string, handler: (payload: unknown) => unknown): Unsubscribe {
    this.#open();
    return this.#questions.serve(subject, handler);
  }

  async request(subject: string, payload: unknown, { timeout = millis(5000) }: { readonly timeout?: Millis } = {}): Promise<unknown> {
    this.#open();
    return await this.#questions.request(subject, payload, timeout);
  }

  present(info: NodeInfo): void {
    this.#open();
    this.#nodes.present(info);
  }

  onNode(listener: (node: NodeId, info: NodeInfo | undefined) => void): Unsubscribe {
    return this.#nodes.subscribe(listener);
  }

  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  get #isUp(): boolean {
    return this.#monitors.every(({ isUp }) => isUp);
  }

  #open(): void {
    if (this.#closing !== undefined) {
      throw closedError();
    }
  }

  #monitor(name: ConnectionName, connection: NatsConnection): ConnectionMonitor {
    const log = this.#options.log.child({ part: 'nats', connection: name });
    const server = (): string => connection.getServer();
    this.#metrics.connected(name, true);
    log.info({ server: server() }, 'connected to NATS');
    return new ConnectionMonitor(connection, {
      up: () => {
        log.info({ server: server() }, 'connected to NATS again');
        this.#metrics.connected(name, true);
        this.#metrics.reconnected(name);
        if (name === 'media') {
          this.#media.reconnected();
        } else {
          void this.#comeOnline();
        }
        this.#changed();
      },
      down: (reason) => {
        log.warn({ reason }, 'NATS is lost: what is in this process goes on, the rest waits');
        this.#metrics.connected(name, false);
        if (name === 'media') {
          this.#media.disconnected();
        } else {
          this.#heartbeats.offline();
          this.#keepers.forEach((keeper) => keeper.down());
        }
        clearTimeout(this.#cutOffTimer);
        this.#cutOffTimer = setTimeout(() => {
          this.#broadcasts.isCutOff = true;
        }, CUT_OFF);
        this.#changed();
      },
      roundTrip: (time) => this.#metrics.roundTrip(name, time / 1000),
    });
  }

  async #comeOnline(): Promise<void> {
    this.#keepers.forEach((keeper) => keeper.up());
    try {
      await this.#heartbeats.online();
    } catch {
      // Lost again meanwhile: whoever lives is heard soon enough.
    }
  }

  /** Frames pass while both connections are there, whatever becomes of JetStream. Who was told that they do not is told the truth once it is read, or cannot be for long. */
  #hearAgain(): void {
    clearTimeout(this.#cutOffTimer);
    this.#cutOffTimer = undefined;
    if (this.connected || !this.#broadcasts.isCutOff) {
      this.#broadcasts.isCutOff = false;
    } else {
      this.#cutOffTimer = setTimeout(() => {
        this.#cutOffTimer = undefined;
        this.#broadcasts.isCutOff = !this.#isUp;
      }, CUT_OFF);
    }
  }

  #changed(): void {
    const { connected } = this;
    if (this.#isUp && this.#closing === undefined) {
      this.#hearAgain();
    }
    if (connected !== this.#wasConnected) {
      this.#wasConnected = connected;
      [...this.#listeners].forEach((listener) => listener(connected));
    }
  }

  #sweep(): void {
    this.#broadcasts.sweep();
    if (this.connected) {
      this.#catalogs.sweep();
      this.#janitor.sweep();
    }
  }

  async #end(): Promise<void> {
    clearInterval(this.#sweepTimer);
    clearTimeout(this.#cutOffTimer);
    this.#questions.close();
    this.#broadcasts.close();
    this.#catalogs.close();
    this.#nodes.close();
    this.#shared.close();
    const isUp = this.#isUp;
    const farewell = isUp ? Promise.all([this.#leases.close(), this.#written()]) : Promise.all([this.#leases.close()]);
    await Promise.all([this.#media.close(), Promise.race([farewell, new Promise((resolve) => setTimeout(resolve, FAREWELL))])]);
    this.#heartbeats.close();
    this.#monitors.forEach((monitor) => monitor.close());
    this.#keepers.forEach((keeper) => keeper.close());
    await Promise.all([this.#spareLines.close(), ...[this.#control, this.#mediaConnection].map((connection) => this.#disconnect(connection, isUp))]);
    this.#wasConnected = false;
    this.#listeners.clear();
    this.#settleClosed();
  }

  /** Until nothing that this process leaves behind waits to be written. */
  async #written(): Promise<void> {
    while (this.#registers.some(({ waiting }) => waiting > 0)) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  async #disconnect(connection: NatsConnection, isUp: boolean): Promise<void> {
    if (isUp && !connection.isClosed()) {
      await Promise.race([connection.flush().catch(() => undefined), new Promise((resolve) => setTimeout(resolve, FAREWELL))]);
    }
    await connection.close();
  }
}

function userOf(registers: Registers): BucketUser {
  return { arrived: (key, entry) => registers.arrived(key, entry), online: (bucket) => registers.online(bucket), offline: () => registers.offline() };
}

async function untilReady(reachable: () => Promise<unknown>): Promise<void> {
  for (;;) {
    try {
      await reachable();
      return;
    } catch (error) {
      if (!(error instanceof MillraceError && error.code === 'bus/unreachable')) {
        throw error;
      }
    }
  }
}

function closedError(): MillraceError {
  return new MillraceError('bus/closed', 'the bus is closed');
}
