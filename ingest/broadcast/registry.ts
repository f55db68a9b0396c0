import type { Bus } from '#core/bus/bus.ts';
import type { StreamName } from '#core/bus/catalog.ts';
import { elapsed, millis, type Clock, type Millis } from '#core/media/time.ts';
import type { Logger } from '#core/runtime/log.ts';

import type { Admission, Publisher, PublisherRegistry } from '../source.ts';
import type { Ledger } from './ledger.ts';
import type { IngestMetrics } from './metrics.ts';
import { IngestStream } from './stream.ts';

/** Silence after which another publisher may take a stream over (ADR 0001, rule 11). */
const TAKEOVER = 2000;
const PULSE = 1000;

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
};

/** Every stream of this server that has a publisher or waits for one. */
export class StreamRegistry implements PublisherRegistry {
  readonly #options: RegistryOptions;
  readonly #streams = new Map<StreamName, IngestStream>();
  #pulse: NodeJS.Timeout | undefined;
  #stopping = false;

  private constructor(options: RegistryOptions) {
    this.#options = options;
    this.#pulse = setInterval(() => this.#beat(), PULSE);
    this.#pulse.unref();
  }

  /** Opens the registry: broadcasts that an earlier process left within their grace time are announced again. */
  static async open(options: RegistryOptions): Promise<StreamRegistry> {
    const entries = await options.ledger.load();
    const registry = new StreamRegistry(options);
    entries.forEach((entry) => registry.#stream(entry.stream).resume(entry));
    return registry;
  }

  admit(publisher: Publisher): Admission {
    if (this.#stopping) {
      return { admitted: false, code: 'ingest/stopping', message: 'The server is stopping. Try again in a moment.' };
    }
    const present = this.#streams.get(publisher.stream)?.session;
    if (present && elapsed(present.heardAt, this.#options.clock()) < TAKEOVER) {
      return { admitted: false, code: 'ingest/stream-busy', message: `The stream ${publisher.stream} is live already. Stop the other encoder first.` };
    }
    if (!present && this.#publishers() >= this.#options.maxPublishers) {
      return { admitted: false, code: 'ingest/too-many-publishers', message: `The server takes ${this.#options.maxPublishers} broadcasts at a time, and they are all live. Try again later.` };
    }
    present?.disconnect('Another encoder has taken this stream over after two seconds of silence.');
    return { admitted: true, sink: this.#stream(publisher.stream).open(publisher) };
  }

  /** Sends every publisher away; broadcasts are left interrupted, for the next start to continue. Idempotent. */
  async close(): Promise<void> {
    this.#stopping = true;
    clearInterval(this.#pulse);
    this.#streams.forEach((stream) => stream.stop('The server is stopping. Reconnect in a moment.'));
    this.#options.metrics.live.set(0);
    await this.#options.ledger.flush();
  }

  #publishers(): number {
    return [...this.#streams.values()].filter((stream) => stream.session).length;
  }

  #stream(name: StreamName): IngestStream {
    const known = this.#streams.get(name);
    if (known) {
      return known;
    }
    const { bus, ledger, clock, log, metrics, grace = GRACE } = this.#options;
    const stream: IngestStream = new IngestStream(name, { bus, ledger, clock, log, metrics, grace, idle: () => this.#streams.delete(name) });
    this.#streams.set(name, stream);
    return stream;
  }

  #beat(): void {
    this.#streams.forEach((stream) => stream.pulse());
    this.#options.metrics.live.set([...this.#streams.values()].filter((stream) => stream.live).length);
  }
}
