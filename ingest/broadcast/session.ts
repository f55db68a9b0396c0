import type { Bus, Lease, TrackProducer } from '#core/bus/bus.ts';
import type { IngestHealth } from '#core/bus/catalog.ts';
import type { MetadataRequest } from '#core/bus/metadata.ts';
import type { Frame } from '#core/media/frame.ts';
import type { Clock, WallTime } from '#core/media/time.ts';
import type { TrackName } from '#core/media/track.ts';
import { messageOf, type MillraceError } from '#core/runtime/errors.ts';
import type { Logger } from '#core/runtime/log.ts';

import type { NetworkFacts, Publisher, SourceConfig, SourceSample, SourceSink, VideoSourceConfig } from '../source.ts';
import type { EpochStart } from '../timeline/describe.ts';
import type { EpochGrant } from '../timeline/grant.ts';
import { Timeline, type Claims, type SourceMemory } from '../timeline/timeline.ts';
import { Warnings } from '../timeline/warnings.ts';
import { isCoded } from './coded.ts';
import { Meter } from './meter.ts';

/** What a publisher's session needs of its stream. */
export interface SessionHost {
  /** An epoch for a session that holds the lease with this fence; undefined where it is no longer good once it is on disk. */
  grant(session: PublisherSession, fence: number): Promise<EpochGrant | undefined>;
  begin(session: PublisherSession, start: EpochStart): void;
  /** The frame with the messages that belong to it. Once it is written, {@link note} follows. */
  stamp(frame: Frame): Frame;
  note(frame: Frame): void;
  /** Takes a message of the publisher's. Why it is left out, where it is. */
  message(message: MetadataRequest): MillraceError | undefined;
  /** HLS is given the picture as the publisher sends it. */
  readonly segmentsSource: boolean;
  ended(session: PublisherSession, how: 'unpublished' | 'lost'): void;
  /** The lease of who writes the stream. It stays the stream's. @throws {MillraceError} `bus/unreachable`. */
  writeLease(): Promise<Lease>;
}

/** What a session works with. */
export type SessionOptions = {
  readonly publisher: Publisher;
  readonly host: SessionHost;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Logger;
  readonly memory: SourceMemory | undefined;
  /** The memory is of this very publisher, a moment ago: nothing need be held back. Default: false. */
  readonly sure?: boolean;
};

/** Readings of a low frame rate, a second apart, before it is warned of. */
const LOW_READINGS = 5;
/** How long a lost lease may take to be heard of. */
const FENCED_PATIENCE = 2000;
const TAKEN_OVER = 'Another server has taken this stream over.';

/** One publisher from admission to its end: its lease, its timeline, its producers on the bus. */
export class PublisherSession implements SourceSink {
  readonly publisher: Publisher;
  readonly #options: SessionOptions;
  readonly #timeline: Timeline;
  readonly #warnings = new Warnings();
  readonly #meter: Meter;
  readonly #producers = new Map<TrackName, TrackProducer>();
  readonly #lease: Promise<Lease | undefined>;
  #heardAt: WallTime;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Infinity;
  #fencedTimer: NodeJS.Timeout | undefined;
  #lowReadings = 0;
  #network: NetworkFacts | undefined;
  #health: IngestHealth | undefined;
  #ended = false;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.publisher = options.publisher;
    this.#heardAt = options.clock();
    this.#meter = new Meter(this.#heardAt);
    this.#timeline = new Timeline({
      clockRate: options.publisher.clockRate,
      adaptive: options.publisher.adaptive ?? false,
      memory: options.memory,
      sure: options.sure ?? false,
      host: {
        requestEpoch: () => void this.renew(),
        begin: (start) => this.#begin(start),
        frame: (frame) => this.#write(frame),
        get segmentsSource() {
          return options.host.segmentsSource;
        },
        warnings: this.#warnings,
      },
    });
    if (options.publisher.backup === true) {
      const message = 'The backup encoder is on air: the main one fails, or has not come. Look after it; it takes over again once it has been sending steadily for some seconds.';
      this.#warnings.set('source/on-backup', message, this.#heardAt);
    }
    this.#lease = this.#takeLease();
  }

  /** When anything was last heard of the publisher. */
  get heardAt(): WallTime {
    return this.#heardAt;
  }

  get health(): IngestHealth | undefined {
    return this.#health;
  }

  get memory(): SourceMemory | undefined {
    return this.#timeline.memory;
  }

  get counts(): { readonly jumps: number; readonly dropped: number } {
    return this.#timeline.counts;
  }

  config(config: SourceConfig, layers?: readonly VideoSourceConfig[]): void {
    this.#heard(() => this.#timeline.config(config, layers));
  }

  sample(sample: SourceSample): void {
    this.#meter.count(sample.data.length, sample.kind === 'video' && ((sample.layer ?? 0) === 0 || sample.standsIn === true));
    this.#heard(() => this.#timeline.sample(sample));
    this.#arm();
  }

  heard(): void {
    this.#heardAt = this.#options.clock();
  }

  metadata(claims: Claims): void {
    this.#heard(() => this.#timeline.metadata(claims));
  }

  message(message: MetadataRequest): void {
    this.#heard(() => {
      const refused = this.#options.host.message(message);
      if (refused !== undefined && refused.code !== 'metadata/offline') {
        this.warn('source/message-dropped', `A message of the encoder was left out. ${refused.message}`);
      }
    });
  }

  network(facts: NetworkFacts): void {
    this.#network = facts;
  }

  warn(code: string, message: string): void {
    this.#warnings.raise(code, message, this.#options.clock());
  }

  end(how: 'unpublished' | 'lost'): void {
    if (this.#ended) {
      return;
    }
    try {
      this.#timeline.end();
    } catch (error) {
      // Who was overtaken may not even give out what waits.
      this.#options.log.debug({ stream: this.publisher.stream, err: error }, 'the last frames of a publisher are lost');
    }
    this.#ended = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#fencedTimer);
    this.#producers.forEach((producer) => producer.close());
    this.#producers.clear();
    try {
      this.#options.host.ended(this, how);
    } catch (error) {
      // The bus is gone before its stage: nobody is left to be told.
      this.#options.log.error({ stream: this.publisher.stream, err: error }, 'the end of a publisher could not be announced');
    }
  }

  /** Ends the publisher's connection, and the session with it. */
  disconnect(reason: string): void {
    this.end('lost');
    this.publisher.disconnect(reason);
  }

  /** Gets the timeline an epoch: the first, or another in place of one that is no longer good. */
  async renew(): Promise<void> {
    try {
      const lease = await this.#lease;
      if (lease && !this.#ended) {
        const grant = await this.#options.host.grant(this, lease.fence);
        if (grant && !this.#ended) {
          this.#timeline.grant(grant, this.#options.clock());
          this.#arm();
        }
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Measures the source's health; called about once a second. */
  examine(now: WallTime): IngestHealth {
    const { bitrate, frameRate } = this.#meter.read(now);
    const meant = this.#timeline.frameRate;
    this.#lowReadings = frameRate < meant * 0.9 ? this.#lowReadings + 1 : 0;
    this.#warnings.when(
      this.#lowReadings >= LOW_READINGS && this.publisher.adaptive !== true,
      'source/low-frame-rate',
      () => `Only ${frameRate.toFixed(1)} of ${meant.toFixed(1)} frames a second arrive. The encoder or the connection cannot keep up: lower the resolution, frame rate or bitrate.`,
      now,
    );
    this.#health = { bitrate, frameRate, address: this.publisher.address, ...this.#network, warnings: this.#warnings.list(now) };
    return this.#health;
  }

  async #takeLease(): Promise<Lease | undefined> {
    try {
      const lease = await this.#options.host.writeLease();
      void lease.lost.then(() => {
        if (!this.#ended) {
          this.disconnect(TAKEN_OVER);
        }
      });
      return lease;
    } catch (error) {
      this.#fail(error);
      return undefined;
    }
  }

  #begin(start: EpochStart): void {
    const { bus, host } = this.#options;
    for (const { name } of start.tracks) {
      if (!this.#producers.has(name)) {
        this.#producers.set(name, bus.produce(start.grant.broadcast, name, { fence: start.grant.fence }));
      }
    }
    host.begin(this, start);
  }

  #write(frame: Frame): void {
    const { host } = this.#options;
    const stamped = host.stamp(frame);
    this.#producers.get(frame.track)?.write(stamped);
    host.note(stamped);
  }

  #heard(work: () => void): void {
    this.heard();
    this.#guard(work);
  }

  #guard(work: () => void): void {
    if (this.#ended) {
      return;
    }
    try {
      work();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    if (isCoded(error, 'bus/fenced') && !this.#ended) {
      // Another process writes. That the lease is lost is heard of in a moment, and then it is known what becomes of the publisher.
      this.#fencedTimer ??= setTimeout(() => this.disconnect(TAKEN_OVER), FENCED_PATIENCE);
    } else if (!this.#ended) {
      this.#options.log.error({ stream: this.publisher.stream, err: error }, 'a publisher had to be disconnected');
      this.disconnect(`The server cannot take this stream now: ${messageOf(error)}`);
    }
  }

  #arm(): void {
    const deadline = this.#ended ? undefined : this.#timeline.deadline;
    if (deadline === undefined || deadline >= this.#timerAt) {
      return;
    }
    clearTimeout(this.#timer);
    this.#timerAt = deadline;
    this.#timer = setTimeout(() => {
      this.#timerAt = Infinity;
      this.#guard(() => this.#timeline.tick(this.#options.clock()));
      this.#arm();
    }, Math.max(1, deadline - this.#options.clock()));
  }
}
