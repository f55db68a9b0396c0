import type { IngestHealth } from '#core/bus/catalog.ts';
import type { MetadataRequest } from '#core/bus/metadata.ts';
import { elapsed, millis, type Clock, type Millis, type WallTime } from '#core/media/time.ts';
import { messageOf } from '#core/runtime/errors.ts';
import type { Logger } from '#core/runtime/log.ts';

import type { NetworkFacts, Publisher, SourceConfig, SourceSample, SourceSink, VideoSourceConfig } from '../source.ts';
import type { Claims, SourceMemory } from '../timeline/timeline.ts';
import type { PublisherSession } from './session.ts';
import { StandBy } from './stand-by.ts';

/** What a {@link Feed} tells its stream. */
export interface FeedHost {
  /** A stand-by's key frame has come: the moment for a change that nobody notices. */
  keyFrame(feed: Feed): void;
  /** The publisher of a stand-by is gone. */
  left(feed: Feed): void;
}

/** What a {@link Feed} works with. */
export type FeedOptions = {
  readonly publisher: Publisher;
  readonly host: FeedHost;
  readonly clock: Clock;
  readonly log: Logger;
};

/** A track that was silent for so long is not told of where the feed goes live. */
const GONE = 3000;

type Kind = SourceConfig['kind'];

/**
 * One admitted publisher, live or stand-by (ADR 0013): its adapter pours into this, whatever becomes of it. While live, all goes to a
 * {@link PublisherSession}; else to a {@link StandBy}.
 */
export class Feed implements SourceSink {
  readonly publisher: Publisher;
  readonly #options: FeedOptions;
  #session: PublisherSession | undefined;
  #standBy: StandBy | undefined;
  #video: { readonly config: VideoSourceConfig; readonly layers: readonly VideoSourceConfig[] | undefined } | undefined;
  #audio: Exclude<SourceConfig, VideoSourceConfig> | undefined;
  readonly #seen = new Map<Kind, WallTime>();
  #claims: Claims = {};
  #heardAt: WallTime;
  #over = false;

  constructor(options: FeedOptions) {
    this.#options = options;
    this.publisher = options.publisher;
    this.#heardAt = options.clock();
  }

  get isBackup(): boolean {
    return this.publisher.backup ?? false;
  }

  /** When anything was last heard of the publisher. */
  get heardAt(): WallTime {
    return this.#heardAt;
  }

  /** The session while it is live. */
  get session(): PublisherSession | undefined {
    return this.#session;
  }

  /** True where it could be live at once. */
  get isReady(): boolean {
    return !this.#over && this.#standBy?.isReady === true;
  }

  /** How long it has been sending on stand-by without a pause. */
  get steadyFor(): Millis {
    return this.#standBy?.steadyFor(this.#options.clock()) ?? millis(0);
  }

  /** Goes on in a session: it is told all that has been said, and given what is kept. `open` makes it. */
  goLive(open: (known: { readonly memory: SourceMemory | undefined; readonly sure: boolean }) => PublisherSession): void {
    const before = this.#standBy;
    this.#standBy = undefined;
    const session = open({ memory: before?.memory, sure: before?.memory !== undefined });
    this.#session = session;
    session.metadata(this.#claims);
    if (this.#video && this.#lives('video')) {
      session.config(this.#video.config, this.#video.layers);
    }
    if (this.#audio && this.#lives('audio')) {
      session.config(this.#audio);
    }
    before?.samples.forEach((sample) => session.sample(sample));
  }

  /** Is no longer live, or not yet: its session ends without a word to its publisher. */
  standBy(): void {
    const { clock } = this.#options;
    const session = this.#session;
    this.#session = undefined;
    const standBy = new StandBy({ publisher: this.publisher, clock, memory: session?.memory });
    this.#standBy = standBy;
    standBy.metadata(this.#claims);
    if (this.#video) {
      standBy.config(this.#video.config, this.#video.layers);
    }
    if (this.#audio) {
      standBy.config(this.#audio);
    }
    session?.end('lost');
  }

  config(config: SourceConfig, layers?: readonly VideoSourceConfig[]): void {
    if (config.kind === 'video') {
      this.#video = { config, layers };
    } else {
      this.#audio = config;
    }
    this.#heard();
    this.#session?.config(config, layers);
    this.#guard((standBy) => standBy.config(config, layers));
  }

  sample(sample: SourceSample): void {
    this.#heard();
    this.#seen.set(sample.kind, sample.arrival);
    if (this.#session) {
      this.#session.sample(sample);
    } else {
      this.#guard((standBy) => {
        if (standBy.sample(sample)) {
          this.#options.host.keyFrame(this);
        }
      });
    }
  }

  heard(): void {
    this.#heard();
  }

  metadata(claims: Claims): void {
    this.#claims = { ...this.#claims, ...claims };
    this.#heard();
    this.#session?.metadata(claims);
    this.#guard((standBy) => standBy.metadata(claims));
  }

  message(message: MetadataRequest): void {
    this.#heard();
    // A stand-by's belong to pictures that nobody sees.
    this.#session?.message(message);
  }

  network(facts: NetworkFacts): void {
    this.#session?.network(facts);
  }

  warn(code: string, message: string): void {
    this.#session?.warn(code, message);
    this.#standBy?.warn(code, message);
  }

  get health(): IngestHealth | undefined {
    return this.#session ? this.#session.health : this.#standBy?.examine(this.#options.clock());
  }

  end(how: 'unpublished' | 'lost'): void {
    if (this.#over) {
      return;
    }
    this.#over = true;
    if (this.#session) {
      this.#session.end(how);
    } else {
      this.#options.host.left(this);
    }
  }

  /** Ends the publisher's connection. */
  disconnect(reason: string): void {
    if (this.#session) {
      this.#over = true;
      this.#session.disconnect(reason);
    } else {
      this.end('lost');
      this.publisher.disconnect(reason);
    }
  }

  #heard(): void {
    // What comes late of who was replaced is not heard.
    if (!this.#over) {
      this.#heardAt = this.#options.clock();
      this.#session?.heard();
    }
  }

  #lives(kind: Kind): boolean {
    const seen = this.#seen.get(kind);
    return seen === undefined || elapsed(seen, this.#options.clock()) < GONE;
  }

  /** Whatever a stand-by sends, nobody else is disturbed. */
  #guard(work: (standBy: StandBy) => void): void {
    if (this.#over || !this.#standBy) {
      return;
    }
    try {
      work(this.#standBy);
    } catch (error) {
      this.#options.log.error({ stream: this.publisher.stream, err: error }, 'a publisher on stand-by had to be disconnected');
      this.disconnect(`The server cannot take this stream now: ${messageOf(error)}`);
    }
  }
}
