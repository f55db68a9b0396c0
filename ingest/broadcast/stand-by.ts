import type { IngestHealth } from '#core/bus/catalog.ts';
import { broadcastId } from '#core/media/frame.ts';
import { elapsed, millis, type Clock, type Millis, type WallTime } from '#core/media/time.ts';

import type { Publisher, SourceConfig, SourceSample, VideoSourceConfig } from '../source.ts';
import { keysOf } from '../timeline/configs.ts';
import { Timeline, type Claims, type SourceMemory } from '../timeline/timeline.ts';
import { Warnings } from '../timeline/warnings.ts';
import { KeptGroup } from './kept-group.ts';
import { Meter } from './meter.ts';

/** A longer pause between two samples is one: the time that a publisher has been steady begins anew. */
const PAUSE = 1000;
/** A publisher whose key frames come when they are asked for is asked for one so often. */
const KEY_EVERY = millis(2000);

/** What {@link StandBy} works with. */
export type StandByOptions = {
  readonly publisher: Publisher;
  readonly clock: Clock;
  /** What is known of its source. */
  readonly memory: SourceMemory | undefined;
};

/**
 * The media of a publisher that is not live (ADR 0013): judged as if it were, so that it can be live at once, and kept back to the last key frame.
 * Nothing is written.
 */
export class StandBy {
  readonly #options: StandByOptions;
  readonly #timeline: Timeline;
  readonly #kept = new KeptGroup();
  readonly #warnings = new Warnings();
  readonly #meter: Meter;
  readonly #configured = new Map<SourceConfig['kind'], string>();
  #steadySince: WallTime | undefined;
  #newest: WallTime | undefined;
  #keyAsked: WallTime;

  constructor(options: StandByOptions) {
    this.#options = options;
    const { publisher, clock, memory } = options;
    this.#meter = new Meter(clock());
    this.#keyAsked = clock();
    publisher.requestKey?.();
    this.#timeline = new Timeline({
      clockRate: publisher.clockRate,
      adaptive: publisher.adaptive ?? false,
      memory,
      host: {
        requestEpoch: () => this.#judge(),
        begin: () => undefined,
        frame: () => undefined,
        warnings: this.#warnings,
      },
    });
  }

  /** True where there is something to begin with. */
  get isReady(): boolean {
    return this.#kept.samples.length > 0;
  }

  /** What was found out of the source. */
  get memory(): SourceMemory | undefined {
    return this.#timeline.memory;
  }

  /** The samples to begin with. */
  get samples(): readonly SourceSample[] {
    return this.#kept.samples;
  }

  /** How long it has been sending without a pause; 0 where it sends nothing now. */
  steadyFor(now: WallTime): Millis {
    const pauses = this.#newest === undefined || elapsed(this.#newest, now) > PAUSE;
    return pauses || this.#steadySince === undefined ? millis(0) : elapsed(this.#steadySince, now);
  }

  config(config: SourceConfig, layers?: readonly VideoSourceConfig[]): void {
    this.#timeline.config(config, layers);
    const now = keysOf([config, ...(layers ?? [])]);
    const before = this.#configured.get(config.kind);
    if (now === before) {
      return;
    }
    this.#configured.set(config.kind, now);
    // What was kept needs the configuration that it had. A picture where there was sound alone begins with a key frame.
    if (before !== undefined || config.kind === 'video') {
      this.#kept.clear();
    }
  }

  metadata(claims: Claims): void {
    this.#timeline.metadata(claims);
  }

  /** Takes a sample; true where viewers could be given to what begins with it. */
  sample(sample: SourceSample): boolean {
    const { clock, publisher } = this.#options;
    const now = clock();
    if (this.#newest === undefined || elapsed(this.#newest, now) > PAUSE) {
      this.#steadySince = now;
    }
    this.#newest = now;
    this.#meter.count(sample.data.length, sample.kind === 'video' && ((sample.layer ?? 0) === 0 || sample.standsIn === true));
    this.#timeline.sample(sample);
    const begins = this.#kept.add(sample, this.#configured.has('video'));
    if (begins) {
      this.#keyAsked = now;
    } else if (publisher.requestKey && elapsed(this.#keyAsked, now) > KEY_EVERY) {
      this.#keyAsked = now;
      publisher.requestKey();
    }
    return begins;
  }

  warn(code: string, message: string): void {
    this.#warnings.raise(code, message, this.#options.clock());
  }

  /** How the source does. */
  examine(now: WallTime): IngestHealth {
    const { address, backup = false } = this.#options.publisher;
    this.#warnings.set(
      'source/standing-by',
      backup ? 'The main encoder is on air. This one is its backup, and takes over when that one fails.' : 'The backup encoder is on air. This one takes over again once it has been sending steadily for some seconds.',
      now,
    );
    return { ...this.#meter.read(now), address, warnings: this.#warnings.list(now) };
  }

  #judge(): void {
    const { clock } = this.#options;
    queueMicrotask(() => {
      const now = clock();
      this.#timeline.grant({ broadcast: broadcastId('0'.repeat(16)), epoch: 0, fence: 0, firstGroup: 0, floor: millis(0), startedAt: now }, now);
    });
  }
}
