import type { StreamName } from '#core/bus/catalog.ts';
import { elapsed, millis, type Clock, type Millis } from '#core/media/time.ts';
import type { Logger } from '#core/runtime/log.ts';

import type { Publisher } from '../source.ts';
import { Feed, type FeedHost } from './feed.ts';
import type { PublisherSession } from './session.ts';
import type { IngestStream } from './stream.ts';
import { hasFailed, TAKEOVER, VACANT, verdict, type Candidate, type Decision, type Present } from './takeover.ts';
import { Trust } from './trust.ts';

/** What {@link Publishers} works with. */
export type PublishersOptions = {
  readonly stream: StreamName;
  readonly clock: Clock;
  readonly log: Logger;
  readonly host: FeedHost;
};

type Role = 'main' | 'backup';

const ROLES: readonly Role[] = ['main', 'backup'];
const roleOf = ({ backup }: Pick<Publisher, 'backup'>): Role => (backup === true ? 'backup' : 'main');

/** The publishers of one stream in this process (ADR 0013): a main and a backup at most, of whom one at most is live. */
export class Publishers {
  readonly #options: PublishersOptions;
  readonly #feeds = new Map<Role, Feed>();
  readonly #trust = new Trust();
  #live: Feed | undefined;
  #isChanging = false;

  constructor(options: PublishersOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#feeds.size;
  }

  /** True while who is live makes room for another. */
  get isChanging(): boolean {
    return this.#isChanging;
  }

  /** Whether somebody is live here. */
  get isLive(): boolean {
    return this.#live !== undefined;
  }

  /** What is told of who is live here. */
  get present(): Present {
    return this.#live ? { publisher: true, backup: this.#live.isBackup, heardAgo: this.#silence(this.#live) } : VACANT;
  }

  /** Those on stand-by, the main first. */
  get waiting(): Feed[] {
    return ROLES.map((role) => this.#feeds.get(role)).filter((feed) => feed !== undefined && feed !== this.#live) as Feed[];
  }

  /** One on stand-by that could be live at once. */
  get readiest(): Feed | undefined {
    return this.waiting.find((feed) => feed.isReady);
  }

  /** Whether a publisher would come into the place of one that is here. */
  has(publisher: Publisher): boolean {
    return this.#feeds.has(roleOf(publisher));
  }

  /** Whether the place of a publisher is another's who was heard lately. */
  isTaken(publisher: Publisher): boolean {
    const rival = this.#feeds.get(roleOf(publisher));
    return rival !== undefined && this.#silence(rival) < TAKEOVER;
  }

  /** Gives a publisher its place, neither live nor on stand-by yet. One of its kind that was silent is sent away. */
  seat(publisher: Publisher): Feed {
    const role = roleOf(publisher);
    this.#feeds.get(role)?.disconnect('Another encoder has taken this stream over after two seconds of silence.');
    const { clock, log, host } = this.#options;
    const feed = new Feed({ publisher, clock, log, host });
    this.#feeds.set(role, feed);
    return feed;
  }

  /** One on stand-by is gone. */
  left(feed: Feed): void {
    const role = roleOf(feed.publisher);
    if (this.#feeds.get(role) === feed) {
      this.#feeds.delete(role);
      this.#options.log.info({ stream: this.#options.stream, role }, 'a publisher on stand-by is gone');
    }
  }

  /** A session is over, and its publisher gone unless it only made room. */
  ended(session: PublisherSession): void {
    const feed = this.#live;
    if (feed?.session === session) {
      this.#live = undefined;
      this.#feeds.delete(roleOf(feed.publisher));
      if (this.readiest) {
        this.#noteFailure(feed);
      }
    }
  }

  /** What a publisher on stand-by would like, as those are told who decide on it. */
  candidate(feed: Feed): Candidate {
    return { backup: feed.isBackup, steady: feed.isReady && feed.steadyFor >= this.#trust.needed };
  }

  /** What one on stand-by may do. A planned change waits for its key frame: `atKey` has one now. */
  decide(feed: Feed, present: Present, atKey: Feed | undefined): Decision {
    const decision = verdict(this.candidate(feed), present);
    if (decision !== 'take') {
      return decision;
    }
    const isPlanned = present.publisher && !hasFailed(present);
    return feed.isReady && (!isPlanned || feed === atKey) ? 'take' : 'wait';
  }

  /** A publisher goes live in a stream that this process looks after. Nobody else is live. `returns`: viewers were with the backup. */
  bringOn(feed: Feed, held: IngestStream, returns = false): void {
    this.#live = feed;
    if (returns && !feed.isBackup) {
      this.#trust.returned(this.#options.clock());
    }
    feed.goLive((known) => held.open(feed.publisher, known));
  }

  /** Who is live makes room for another: its session ends, it stands by. `failed`: it had to. */
  vacate(failed: boolean): void {
    const live = this.#live;
    if (!live) {
      return;
    }
    if (failed) {
      this.#noteFailure(live);
    }
    this.#isChanging = true;
    try {
      this.#live = undefined;
      live.standBy();
    } finally {
      this.#isChanging = false;
    }
  }

  /** Sends everybody away. */
  disconnect(reason: string): void {
    [...this.#feeds.values()].forEach((feed) => feed.disconnect(reason));
  }

  #noteFailure(feed: Feed): void {
    if (!feed.isBackup) {
      this.#trust.failed(this.#options.clock());
    }
  }

  #silence(feed: Feed): Millis {
    return millis(Math.max(0, elapsed(feed.heardAt, this.#options.clock())));
  }
}
