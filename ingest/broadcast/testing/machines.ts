import { pino } from 'pino';
import { Registry } from 'prom-client';
import { vi } from 'vitest';

import type { Bus } from '#core/bus/bus.ts';
import type { BroadcastInfo, IngestHealth, SourceCatalog } from '#core/bus/catalog.ts';
import { createLocalBus } from '#core/bus/local/local-bus.ts';
import type { Frame } from '#core/media/frame.ts';
import { millis, systemClock, type Millis } from '#core/media/time.ts';
import { trackName } from '#core/media/track.ts';

import type { Admission, Publisher, SourceSample, SourceSink } from '../../source.ts';
import { audioConfig, encode, videoConfig, type EncoderOptions } from '../../timeline/testing/encoder.ts';
import { ingestMetrics } from '../metrics.ts';
import { StreamRegistry } from '../registry.ts';
import { SharedLedger } from '../shared-ledger.ts';
import { MachineBus } from './machine-bus.ts';

const log = pino({ enabled: false });

/** Several machines on one bus, and a viewer who hears all of it. Time is vitest's. */
export class Cluster {
  readonly bus: Bus = createLocalBus();
  readonly infos: BroadcastInfo[] = [];
  readonly sources: SourceCatalog[] = [];
  readonly health: IngestHealth[] = [];
  readonly frames: Frame[] = [];
  readonly #machines: Machine[] = [];

  constructor() {
    const known = new Set<string>();
    this.bus.onBroadcast((info) => {
      this.infos.push(info);
      if (known.has(info.broadcast)) {
        return;
      }
      known.add(info.broadcast);
      this.bus.onCatalog(info.broadcast, 'source', (value) => this.sources.push(value));
      this.bus.onCatalog(info.broadcast, 'ingest', (value) => this.health.push(value));
      for (const name of ['video', 'audio']) {
        const consumer = this.bus.consume(info.broadcast, trackName(name), { backlog: millis(60_000) });
        void (async () => {
          for await (const frame of consumer) {
            this.frames.push(frame);
          }
        })();
      }
    });
  }

  /** What was announced: `live 0`, `interrupted 0`, ... */
  get states(): string[] {
    return this.infos.map(({ state, epoch }) => `${state} ${epoch}`);
  }

  /** Ids of the broadcasts that there were. */
  get broadcasts(): Set<string> {
    return new Set(this.infos.map(({ broadcast }) => broadcast));
  }

  get video(): Frame[] {
    return this.frames.filter(({ track }) => track === 'video');
  }

  async machine(options: { readonly maxPublishers?: number; readonly monotonic?: () => Millis } = {}): Promise<Machine> {
    const machine = await Machine.start(this.bus, options);
    this.#machines.push(machine);
    return machine;
  }

  async close(): Promise<void> {
    this.#machines.forEach((machine) => machine.bus.end());
    await Promise.all(this.#machines.map((machine) => machine.registry.close()));
    await this.bus.close();
  }
}

/** One machine with an ingest. */
export class Machine {
  readonly bus: MachineBus;
  readonly registry: StreamRegistry;

  private constructor(bus: MachineBus, registry: StreamRegistry) {
    this.bus = bus;
    this.registry = registry;
  }

  static async start(shared: Bus, { maxPublishers = 10, ...rest }: { readonly maxPublishers?: number; readonly monotonic?: () => Millis }): Promise<Machine> {
    const bus = new MachineBus(shared);
    const ledger = new SharedLedger(bus.shared, log);
    const registry = await StreamRegistry.open({ bus, ledger, clock: systemClock, log, metrics: ingestMetrics(new Registry()), maxPublishers, monotonic: () => millis(Date.now()), ...rest });
    return new Machine(bus, registry);
  }

  /** A publisher's wish, as its adapter brings it. */
  ask(who: Encoder, signal?: AbortSignal): Promise<Admission> {
    return this.registry.admit(who.publisher, signal);
  }

  /** A publisher that is let in. */
  async admit(who: Encoder): Promise<SourceSink> {
    const admission = await this.ask(who);
    if (!admission.admitted) {
      throw new Error(admission.message);
    }
    who.begin(admission.sink);
    return admission.sink;
  }
}

/** An encoder: sends from when it was let in until it stops. */
export class Encoder {
  readonly publisher: Publisher;
  readonly reasons: string[] = [];
  readonly #options: EncoderOptions;
  #samples: SourceSample[] = [];
  #sink: SourceSink | undefined;

  constructor(options: EncoderOptions & { readonly backup?: boolean; readonly stream?: string } = {}) {
    const { backup = false, stream = 'show', ...rest } = options;
    this.#options = rest;
    this.publisher = {
      stream,
      protocol: 'rtmp',
      address: backup ? '192.0.2.8' : '192.0.2.7',
      clockRate: 1000,
      backup,
      disconnect: (reason) => {
        this.reasons.push(reason);
        this.#samples = [];
      },
    };
  }

  begin(sink: SourceSink): void {
    this.#sink = sink;
    sink.config(videoConfig);
    sink.config(audioConfig());
    this.resume();
  }

  /** Sends nothing more; the connection stays. */
  stop(): void {
    this.#samples = [];
  }

  /** Says that it leaves. */
  leave(): void {
    this.stop();
    this.#sink?.end('unpublished');
  }

  /** Sends again. */
  resume(): void {
    this.#samples = encode({ gop: 30, seconds: 60, clock: Date.now() % 100_000, delay: 0, ...this.#options, startedAt: Date.now() });
  }

  /** Sends what is due by now. */
  send(): void {
    while (this.#samples[0] && this.#samples[0].arrival <= Date.now()) {
      const [sample] = this.#samples.splice(0, 1);
      if (sample) {
        this.#sink?.sample(sample);
      }
    }
  }
}

/** Lets so much time pass, while encoders send. */
export async function run(duration: number, ...encoders: readonly Encoder[]): Promise<void> {
  const end = Date.now() + duration;
  while (Date.now() < end) {
    await vi.advanceTimersByTimeAsync(Math.min(10, end - Date.now()));
    encoders.forEach((encoder) => encoder.send());
  }
  await vi.advanceTimersByTimeAsync(0);
}

/** Lets time pass until a condition is met; gives how many milliseconds that took. */
export async function runUntil(met: () => boolean, most: number, ...encoders: readonly Encoder[]): Promise<number> {
  const began = Date.now();
  while (!met()) {
    if (Date.now() - began > most) {
      throw new Error(`not met within ${most} ms`);
    }
    await run(10, ...encoders);
  }
  return Date.now() - began;
}
