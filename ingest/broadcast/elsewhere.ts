import type { Bus, Lease } from '#core/bus/bus.ts';
import type { StreamName } from '#core/bus/catalog.ts';
import { elapsed, later, millis, type Clock, type Millis, type WallTime } from '#core/media/time.ts';

import { askHolder, takeStream } from './holder.ts';
import { BACKUP_PATIENCE, type Candidate, type Present } from './takeover.ts';

/** What {@link Elsewhere} works with. */
export type ElsewhereOptions = {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly stream: StreamName;
  /** Fence under which the stream's newest broadcast was announced, by whomever. */
  readonly fence: () => number | undefined;
};

/** How often another process is asked on behalf of a stand-by, and how long its answer may take. */
const ASK_EVERY = 500;
const ASK_PATIENCE = millis(400);
const SPREAD = 150;

/** A stream that another process looks after: what is known of its publisher, and how it is got. */
export class Elsewhere {
  readonly #options: ElsewhereOptions;
  readonly #offered: Lease[] = [];
  /** When its publisher was last known to be heard. */
  #heardAt: WallTime;
  #askedAt: WallTime | undefined;

  constructor(options: ElsewhereOptions) {
    this.#options = options;
    this.#heardAt = options.clock();
  }

  /** True where it is time to ask again. */
  get isDue(): boolean {
    return this.#askedAt === undefined || Math.abs(elapsed(this.#askedAt, this.#options.clock())) >= ASK_EVERY;
  }

  /** It is to be asked at once: something has happened. */
  hurry(): void {
    this.#askedAt = undefined;
  }

  /** Whoever publishes there has all the time again: nothing could be heard of it, or it has only begun. */
  excuse(): void {
    this.#heardAt = this.#options.clock();
  }

  /** Takes note of what was said of its publisher. */
  note({ heardAgo }: Present): void {
    this.#heardAt = later(this.#options.clock(), millis(-heardAgo));
  }

  /**
   * Asks its holder. `answered` false: it says nothing, and the time since its publisher was last known to be heard counts.
   *
   * @throws {MillraceError} `bus/unreachable`.
   */
  async ask(): Promise<{ readonly present: Present; readonly answered: boolean }> {
    const { bus, clock, stream, fence } = this.#options;
    const asked = clock();
    this.#askedAt = asked;
    const answer = await askHolder(bus, stream, fence(), undefined, ASK_PATIENCE);
    if (answer) {
      this.#heardAt = later(asked, millis(-answer.heardAgo));
      return { present: answer, answered: true };
    }
    return { present: { publisher: true, backup: true, heardAgo: this.#silence() }, answered: false };
  }

  /** A lease of the stream that was found free. */
  offer(lease: Lease): void {
    this.#offered.push(lease);
  }

  /** Takes an offered lease back: this one, or any. */
  accept(lease = this.#offered[0]): Lease | undefined {
    const at = lease ? this.#offered.indexOf(lease) : -1;
    return at < 0 ? undefined : this.#offered.splice(at, 1)[0];
  }

  /** True where a lease waits to be accepted. */
  get isOffered(): boolean {
    return this.#offered.length > 0;
  }

  /**
   * As {@link takeStream}.
   *
   * @throws {MillraceError} `bus/unreachable`.
   */
  async take(taker: Candidate, patience: Millis, signal?: AbortSignal): Promise<Lease | Present | undefined> {
    const { bus, clock, stream, fence } = this.#options;
    const got = await takeStream({ bus, clock, stream, taker, patience, signal, fence, offered: () => this.accept() });
    if (got !== undefined && !('lost' in got)) {
      this.note(got);
    }
    return got;
  }

  /** What is left of a backup's patience with a holder that says nothing. Several backups do not lose it in the same moment. */
  get patience(): Millis {
    return millis(Math.max(1, BACKUP_PATIENCE - this.#silence()) + Math.random() * SPREAD);
  }

  #silence(): Millis {
    return millis(Math.max(0, elapsed(this.#heardAt, this.#options.clock())));
  }
}
