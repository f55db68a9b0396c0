import { JetStreamApiCodes, JetStreamApiError, type JetStreamClient, type JetStreamManager } from '@nats-io/jetstream';
import { Kvm, type KV } from '@nats-io/kv';
import type { NatsConnection } from '@nats-io/transport-node';

import { millis } from '../../../media/time.ts';
import { MillraceError, messageOf } from '../../../runtime/errors.ts';
import type { Entry } from './entry.ts';
import { escapeKey, unescapeKey } from './keys.ts';
import { watchBucket, type Watch } from './watch.ts';

/** Told of what the server holds, in its order; undefined where nothing is left under the key, not even a marker. */
export type EntryListener = (key: string, entry: Entry | undefined) => void;

/** What a bucket is made of. */
export type BucketDeps = {
  readonly connection: NatsConnection;
  readonly jetstream: JetStreamClient;
  readonly manager: JetStreamManager;
  readonly name: string;
  readonly replicas: number;
};

/** How long the server may take to confirm one writing or reading. */
const ANSWER = millis(2000);
/** A bucket may be without a leader so long before that is an error; JetStream chooses within 4 to 9 s, and who asks has better things to do. */
const LEADERLESS = millis(3000);
const AGAIN = millis(100);

/** One key-value bucket of JetStream, and a copy of it in memory kept by a watch. Keys are any text. */
export class Bucket {
  readonly #deps: BucketDeps;
  readonly #entries = new Map<string, Entry>();
  readonly #listener: EntryListener;
  #kv: KV | undefined;
  #watch: Watch | undefined;

  constructor(deps: BucketDeps, listener: EntryListener) {
    this.#deps = deps;
    this.#listener = listener;
  }

  get name(): string {
    return this.#deps.name;
  }

  /** As the watch told. */
  get(key: string): Entry | undefined {
    return this.#entries.get(key);
  }

  /** Everything in memory, markers included. */
  entries(): IterableIterator<[string, Entry]> {
    return this.#entries.entries();
  }

  /**
   * Makes the bucket where it is missing, and reads all of it: every entry is told, known or not, then what was known and is gone. From
   * then on every change is told, until `lost` is called: then nothing more comes before the next call.
   */
  async sync(lost: (reason: string) => void): Promise<void> {
    const { connection, manager, name, replicas, jetstream } = this.#deps;
    this.pause();
    const kv = await new Kvm(jetstream).create(name, { history: 1, replicas, allow_direct: false, timeout: ANSWER });
    this.#kv = kv;
    const met = new Set<string>();
    const watch = watchBucket({
      connection,
      manager,
      bucket: name,
      lost,
      entry: (escaped, entry) => {
        const key = unescapeKey(escaped);
        met.add(key);
        this.#entries.set(key, entry);
        this.#listener(key, entry);
      },
    });
    this.#watch = watch;
    await watch.complete;
    for (const key of [...this.#entries.keys()]) {
      if (!met.has(key)) {
        this.#entries.delete(key);
        this.#listener(key, undefined);
      }
    }
  }

  /** Ends the watch; what is in memory stays. Idempotent. */
  pause(): void {
    this.#watch?.stop();
    this.#watch = undefined;
  }

  /** The newest entry as the server has it. Rejects where it does not answer. */
  async read(key: string): Promise<Entry | undefined> {
    const entry = await led(() => this.#bucket().get(escapeKey(key)));
    return entry === null ? undefined : { revision: entry.revision, bytes: entry.operation === 'PUT' ? entry.value : undefined };
  }

  /**
   * Writes where the key's newest revision is still `expected`: 0 where there is nothing. Gives the new revision, or undefined where another was quicker.
   * Rejects where the server does not answer: then it may have been written or not.
   */
  async put(key: string, bytes: Uint8Array, expected: number): Promise<number | undefined> {
    try {
      return await led(() => this.#bucket().put(escapeKey(key), bytes, { previousSeq: expected, timeout: ANSWER }));
    } catch (error) {
      if (isOvertaken(error)) {
        return undefined;
      }
      throw error;
    }
  }

  /** Leaves a marker in the place of an entry, under the same condition as {@link Bucket.put}. False where another was quicker. */
  async remove(key: string, expected: number): Promise<boolean> {
    try {
      await led(() => this.#bucket().purge(escapeKey(key), { previousSeq: expected }));
      return true;
    } catch (error) {
      if (isOvertaken(error)) {
        return false;
      }
      throw error;
    }
  }

  /** Takes away what a marker left, for good. */
  async clear(revision: number): Promise<void> {
    try {
      await this.#deps.manager.streams.deleteMessage(`KV_${this.#deps.name}`, revision, false);
    } catch (error) {
      if (!(error instanceof JetStreamApiError)) {
        throw error;
      }
      // Gone already: something newer came, or another was quicker.
    }
  }

  /** Drops a marker from memory. */
  forget(key: string): void {
    if (this.#entries.get(key)?.bytes === undefined) {
      this.#entries.delete(key);
    }
  }

  #bucket(): KV {
    if (this.#kv === undefined) {
      throw new MillraceError('bus/unreachable', 'NATS has not been read yet');
    }
    return this.#kv;
  }
}

/** Asks again where nobody took the question, so nothing was done: a cluster that lost the server which led the bucket has to choose another. */
async function led<T>(ask: () => Promise<T>): Promise<T> {
  const askedAt = performance.now();
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (messageOf(error) !== 'jetstream is not enabled' || performance.now() - askedAt > LEADERLESS) {
        throw error;
      }
    }
    await new Promise((resolve) => setTimeout(resolve, AGAIN));
  }
}

function isOvertaken(error: unknown): boolean {
  return (
    error instanceof JetStreamApiError &&
    (error.code === JetStreamApiCodes.StreamWrongLastSequence || error.code === JetStreamApiCodes.StreamWrongLastSequenceUnknown)
  );
}
