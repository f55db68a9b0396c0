import { JetStreamApiError } from '@nats-io/jetstream';

import { millis } from '../../../media/time.ts';
import { MillraceError, messageOf } from '../../../runtime/errors.ts';
import type { Logger } from '../../../runtime/log.ts';
import { Bucket, type BucketDeps } from './bucket.ts';
import type { Entry } from './entry.ts';

/** What lives on a bucket. */
export type BucketUser = {
  /** Of the watch: see `EntryListener`. */
  readonly arrived: (key: string, entry: Entry | undefined) => void;
  /** The bucket is there, and all that it holds has arrived. */
  readonly online: (bucket: Bucket) => void;
  /** It is away, or about to be read anew. */
  readonly offline: () => void;
};

/** JetStream's code for replicas on a server that is alone. */
const NO_CLUSTER = 10074;

/** Who asks for a bucket waits so long for it. */
const PATIENCE = millis(2000);
const FIRST_RETRY = 100;
const LONGEST_RETRY = 2000;

/** Keeps one bucket read for as long as the connection is there: reads it anew after each loss, of the connection, of the watch, or of the bucket itself. */
export class BucketKeeper {
  readonly bucket: Bucket;
  readonly #user: BucketUser;
  readonly #log: Logger;
  readonly #changed: () => void;
  /** Of the present connection; work for an earlier one is dropped. */
  #generation = 0;
  #isUp = false;
  #isReady = false;
  /** It was read since the connection is there. */
  #isBound = false;
  #ready = Promise.withResolvers<void>();
  #problem: string | undefined;

  constructor(deps: BucketDeps & { readonly log: Logger }, user: BucketUser, changed: () => void) {
    this.bucket = new Bucket(deps, (key, entry) => user.arrived(key, entry));
    this.#user = user;
    this.#log = deps.log;
    this.#changed = changed;
    this.#ready.promise.catch(() => undefined);
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  /** Why it is not ready yet, in the server's words. */
  get problem(): string | undefined {
    return this.#problem;
  }

  up(): void {
    if (!this.#isUp) {
      this.#isUp = true;
      void this.#read();
    }
  }

  /** Idempotent. */
  down(): void {
    this.#isUp = false;
    if (this.#isBound) {
      this.#isBound = false;
      this.#ready = Promise.withResolvers();
      this.#ready.promise.catch(() => undefined);
    }
    this.#lose();
  }

  /**
   * The bucket, to be asked and written. What is in memory may be old, where the watch is about to be renewed: compare-and-set does not mind.
   *
   * @throws {MillraceError} `bus/unreachable` where it has not been read within 2 s.
   */
  readonly reachable = async (): Promise<Bucket> => {
    if (!this.#isBound) {
      const expired = Promise.withResolvers<never>();
      const timer = setTimeout(() => expired.reject(new MillraceError('bus/unreachable', 'NATS is away')), PATIENCE);
      try {
        await Promise.race([this.#ready.promise, expired.promise]);
      } finally {
        clearTimeout(timer);
      }
    }
    return this.bucket;
  };

  /** Ends the watch, and whoever waits. Idempotent. */
  close(): void {
    this.down();
    this.#ready.reject(new MillraceError('bus/closed', 'the bus is closed'));
  }

  #lose(): void {
    this.#generation += 1;
    this.bucket.pause();
    this.#user.offline();
    if (this.#isReady) {
      this.#isReady = false;
      this.#changed();
    }
  }

  async #read(): Promise<void> {
    this.#generation += 1;
    const generation = this.#generation;
    for (let retry = FIRST_RETRY; generation === this.#generation && this.#isUp; retry = Math.min(retry * 2, LONGEST_RETRY)) {
      try {
        await this.bucket.sync((reason) => this.#watchLost(generation, reason));
        if (generation === this.#generation) {
          this.#isReady = true;
          this.#isBound = true;
          this.#problem = undefined;
          this.#user.online(this.bucket);
          this.#ready.resolve();
          this.#changed();
        }
        return;
      } catch (error) {
        if (generation !== this.#generation) {
          return;
        }
        this.#problem = messageOf(error);
        if (error instanceof JetStreamApiError && error.code === NO_CLUSTER) {
          this.#ready.reject(new MillraceError('nats/no-jetstream', `NATS does not give Millrace its key-value buckets: ${this.#problem}`, { cause: error }));
        }
        this.#log.debug({ bucket: this.bucket.name, error: this.#problem }, 'a bucket cannot be read yet and is tried again');
        await new Promise((resolve) => setTimeout(resolve, retry));
      }
    }
  }

  #watchLost(generation: number, reason: string): void {
    if (generation !== this.#generation) {
      return;
    }
    this.#log.warn({ bucket: this.bucket.name, reason }, 'the watch of a bucket is lost: it is read anew');
    this.#lose();
    void this.#read();
  }
}
