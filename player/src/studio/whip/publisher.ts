import { millis } from '#core/media/time.ts';
import { BackOff } from '../../session/back-off.ts';
import type { IngestChoice } from './ingest-choice.ts';
import { LinkWatch } from './link-watch.ts';
import type { StatsRow } from './outbound.ts';
import { retryAfter, troubleOf } from './retry-rule.ts';
import type { Trouble } from './retry-rule.ts';
import { WhipRefusal } from './whip-refusal.ts';
import { WhipSession } from './whip-session.ts';
import type { Published } from './whip-session.ts';

/** Where publishing stands. */
export type PublisherState =
  | { readonly kind: 'idle' }
  /** The first session is being made; with trouble: again. */
  | { readonly kind: 'connecting'; readonly trouble?: Trouble }
  | { readonly kind: 'live' }
  /** It was live, and comes back by itself. */
  | { readonly kind: 'reconnecting'; readonly trouble: Trouble }
  /** It was given up. */
  | { readonly kind: 'refused'; readonly trouble: Trouble };

/** Options of {@link Publisher}. */
export type PublisherOptions = {
  /** Which WHIP endpoint. */
  readonly ingests: IngestChoice;
  readonly changed: (state: PublisherState) => void;
  /** Told of each reading of a session's statistics, with the one before of the same session. */
  readonly sampled: (rows: readonly StatsRow[], before: readonly StatsRow[]) => void;
};

/** A path is found within a second, or after some retransmissions of the handshake. */
const connectPatience = millis(10_000);

const lostLink: Trouble = { code: 'studio/lost', message: 'Nothing comes back from the server.' };

/** Publishes until it is stopped: through lost networks and restarts of the server. */
export class Publisher {
  readonly #options: PublisherOptions;
  #state: PublisherState = { kind: 'idle' };
  #published: Published | undefined;
  #session: WhipSession | undefined;
  #watch: LinkWatch | undefined;
  #ends: AbortController | undefined;

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  get state(): PublisherState {
    return this.#state;
  }

  /** Begins to publish; whatever is published now is stopped first. */
  start(key: string, published: Published): void {
    void this.stop();
    this.#published = published;
    this.#ends = new AbortController();
    // A page that is left tells the server, so that the stream is free at once.
    addEventListener('pagehide', () => void this.stop(), { signal: this.#ends.signal });
    this.#change({ kind: 'connecting' });
    void this.#run(key, this.#ends.signal);
  }

  /** Publishes something else from now on, in the same session where that has a place for it. */
  async update(published: Published): Promise<void> {
    const before = this.#published;
    const session = this.#session;
    if (before === undefined) {
      return;
    }
    this.#published = published;
    if (session === undefined) {
      return;
    }
    try {
      const fits = before.codec === published.codec && before.layers.length === published.layers.length;
      const [picture, sound] = await Promise.all([session.replace('video', published.video), session.replace('audio', published.audio)]);
      if (fits && picture && sound) {
        await session.retune(published.layers, published.degradation);
        return;
      }
    } catch {
      // A session that cannot change is replaced.
    }
    if (this.#session === session) {
      this.#watch?.close();
    }
  }

  /** Stops publishing; resolves when the server knows of it, or cannot be told. Idempotent. */
  async stop(): Promise<void> {
    const session = this.#session;
    this.#ends?.abort();
    this.#watch?.close();
    [this.#ends, this.#watch, this.#session, this.#published] = [undefined, undefined, undefined, undefined];
    this.#change({ kind: 'idle' });
    await session?.leave();
  }

  async #run(key: string, signal: AbortSignal): Promise<void> {
    const backOff = new BackOff(millis(500), millis(8_000));
    let wasLive = false;
    let troubledAt = performance.now();
    const { ingests } = this.#options;
    for (;;) {
      const url = await ingests.next(signal);
      if (signal.aborted || this.#published === undefined) {
        return;
      }
      const session = new WhipSession({ url, key, published: this.#published });
      this.#session = session;
      let wait = 0;
      try {
        await session.connected(connectPatience);
        ingests.works();
        backOff.reset();
        wasLive = true;
        await this.#live(session, signal);
        troubledAt = performance.now();
      } catch (error) {
        // What an ingest refuses a broadcaster, another one will refuse as well.
        if (!(error instanceof WhipRefusal) || error.status < 400 || error.status >= 500) {
          ingests.failed();
        }
        const least = retryAfter(error, { wasLive, troubledFor: millis(performance.now() - troubledAt) });
        wait = Math.max(backOff.next(), least ?? 0);
        if (!signal.aborted) {
          this.#change(stateAfter(troubleOf(error), wasLive, least !== undefined));
        }
      }
      await session.leave();
      if (this.#state.kind === 'refused') {
        return;
      }
      await pause(wait, signal);
    }
  }

  async #live(session: WhipSession, signal: AbortSignal): Promise<void> {
    if (signal.aborted) {
      return;
    }
    let before: readonly StatsRow[] = [];
    this.#watch = new LinkWatch({
      session,
      troubled: () => !signal.aborted && this.#change({ kind: 'reconnecting', trouble: lostLink }),
      recovered: () => !signal.aborted && this.#change({ kind: 'live' }),
      sampled: (rows) => {
        if (!signal.aborted) {
          this.#options.sampled(rows, before);
          before = rows;
        }
      },
    });
    this.#change({ kind: 'live' });
    await this.#watch.lost;
    if (!signal.aborted) {
      this.#change({ kind: 'reconnecting', trouble: lostLink });
    }
  }

  #change(state: PublisherState): void {
    this.#state = state;
    this.#options.changed(state);
  }
}

function stateAfter(trouble: Trouble, wasLive: boolean, again: boolean): PublisherState {
  return { kind: again ? (wasLive ? 'reconnecting' : 'connecting') : 'refused', trouble };
}

/** Waits; not for what has ended, and no longer than until a network comes. */
function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const ends = new AbortController();
    const over = (): void => {
      ends.abort();
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(over, milliseconds);
    addEventListener('online', over, { signal: ends.signal });
    signal.addEventListener('abort', over, { signal: ends.signal });
    if (signal.aborted) {
      over();
    }
  });
}
