import type { Bus } from '#core/bus/bus.ts';
import type { StreamName } from '#core/bus/catalog.ts';
import { millis, type Clock, type Millis } from '#core/media/time.ts';
import type { Logger } from '#core/runtime/log.ts';

import type { Admission, Publisher, PublisherRegistry } from '../source.ts';
import { isUnreachable } from './coded.ts';
import { streamLease } from './holder.ts';
import type { Ledger } from './ledger.ts';
import type { IngestMetrics } from './metrics.ts';
import { Orphans } from './orphans.ts';
import { pause } from './pause.ts';
import { REFUSED, tooMany } from './refusals.ts';
import { StreamSite } from './site.ts';

const PULSE = 1000;
/** A pulse that comes so late shows that the process was paused. */
const PAUSED = 2000;
/** After a pause, what became of its leases has been heard of by then. */
const AWAKENING = 2000;

/** A ledger that cannot be written keeps no process from stopping. */
const FLUSH_PATIENCE = millis(2000);

/** How long a broadcast waits for its publisher: the same everywhere (design, rule 4). */
export const GRACE: Millis = millis(30_000);

/** What the registry works with. */
export type RegistryOptions = {
  readonly bus: Bus;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: IngestMetrics;
  readonly maxPublishers: number;
  readonly grace?: Millis;
  /** A clock that nobody sets, to see pauses of the process by. For tests. */
  readonly monotonic?: () => Millis;
};

/** Every stream that this process has to do with: those that it looks after, and those whose publishers it has. */
export class StreamRegistry implements PublisherRegistry {
  readonly #options: RegistryOptions;
  readonly #sites = new Map<StreamName, StreamSite>();
  readonly #orphans: Orphans;
  readonly #monotonic: () => Millis;
  #pulse: NodeJS.Timeout | undefined;
  #beatAt: Millis;
  #awakeFrom: Millis = millis(0);
  #pending = 0;
  #stopping = false;

  private constructor(options: RegistryOptions) {
    this.#options = options;
    this.#monotonic = options.monotonic ?? (() => millis(performance.now()));
    this.#beatAt = this.#monotonic();
    const { bus, ledger, log } = options;
    this.#orphans = new Orphans({
      bus,
      ledger,
      log,
      isCared: (stream) => this.#sites.get(stream)?.isBusy === true,
      takeUp: (info, lease, entry) => this.#site(info.stream).takeUp(lease, entry, info),
      changed: (stream) => this.#sites.get(stream)?.changed(),
    });
    this.#pulse = setInterval(() => this.#beat(), PULSE);
    this.#pulse.unref();
  }

  /** Opens the registry: broadcasts that an earlier process left within their grace time are announced again. */
  static async open(options: RegistryOptions): Promise<StreamRegistry> {
    const entries = await options.ledger.load();
    const registry = new StreamRegistry(options);
    for (const entry of entries) {
      const lease = await options.bus.tryLease(streamLease(entry.stream));
      if (lease) {
        await registry.#site(entry.stream).takeUp(lease, entry);
      }
    }
    await registry.#orphans.look();
    return registry;
  }

  /** Publishers here, those on stand-by too. */
  get publishers(): number {
    return [...this.#sites.values()].reduce((sum, site) => sum + site.publishers, 0);
  }

  async admit(publisher: Publisher, signal?: AbortSignal): Promise<Admission> {
    const { maxPublishers, log } = this.#options;
    if (this.#stopping) {
      return REFUSED.stopping;
    }
    // Who waits for an answer may come to be one: neither may be without bounds.
    if (this.#sites.get(publisher.stream)?.has(publisher) !== true && this.publishers + this.#pending >= maxPublishers) {
      return tooMany(maxPublishers);
    }
    this.#pending += 1;
    try {
      return await this.#site(publisher.stream).admit(publisher, signal);
    } catch (error) {
      if (!isUnreachable(error)) {
        throw error;
      }
      log.warn({ stream: publisher.stream, err: error }, 'a publisher is refused: the bus is away');
      return REFUSED.unreachable;
    } finally {
      this.#pending -= 1;
    }
  }

  /** Sends every publisher away; broadcasts are left interrupted, for the next start or another process to continue. Idempotent. */
  async close(): Promise<void> {
    this.#stopping = true;
    clearInterval(this.#pulse);
    this.#orphans.close();
    this.#sites.forEach((site) => site.stop('The server is stopping. Reconnect in a moment.'));
    this.#options.metrics.live.set(0);
    await Promise.race([this.#options.ledger.flush(), pause(FLUSH_PATIENCE)]);
    // Only now may another process read what was written, and go on.
    this.#sites.forEach((site) => site.release());
    this.#sites.clear();
  }

  #site(name: StreamName): StreamSite {
    const known = this.#sites.get(name);
    if (known) {
      return known;
    }
    const { bus, ledger, clock, log, metrics, grace = GRACE } = this.#options;
    const site: StreamSite = new StreamSite(name, {
      bus,
      ledger,
      clock,
      log,
      metrics,
      grace,
      monotonic: this.#monotonic,
      isAwake: () => this.#isAwake(),
      fenceOf: (stream) => this.#orphans.fenceOf(stream),
      empty: () => {
        if (this.#sites.get(name) === site) {
          this.#sites.delete(name);
        }
      },
    });
    this.#sites.set(name, site);
    return site;
  }

  #isAwake(): boolean {
    const now = this.#monotonic();
    return now >= this.#awakeFrom && now - this.#beatAt < PULSE + PAUSED;
  }

  #beat(): void {
    const now = this.#monotonic();
    if (now - this.#beatAt >= PULSE + PAUSED) {
      this.#options.log.warn({ milliseconds: Math.round(now - this.#beatAt - PULSE) }, 'this process was paused: others may have taken its streams over');
      this.#awakeFrom = millis(now + AWAKENING);
    }
    this.#beatAt = now;
    const { metrics } = this.#options;
    const sites = [...this.#sites.values()];
    metrics.live.set(sites.filter((site) => site.isLive).length);
    metrics.standBys.set(sites.reduce((sum, site) => sum + site.standBys, 0));
    if (this.#isAwake()) {
      this.#sites.forEach((site) => site.pulse());
      void this.#orphans.look();
    }
  }
}
