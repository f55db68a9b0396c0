import { millis, type Millis } from '../../../media/time.ts';
import { messageOf } from '../../../runtime/errors.ts';
import type { Logger } from '../../../runtime/log.ts';
import type { Heartbeats, Monotonic } from '../presence/heartbeats.ts';
import type { Bucket } from './bucket.ts';
import type { Entry } from './entry.ts';
import { decodeRecord, type Record } from './record.ts';

/** One bucket to keep small, and after how long what is left behind in it goes. */
export type Cleaning = {
  readonly bucket: Pick<Bucket, 'name' | 'entries' | 'clear' | 'remove' | 'forget'>;
  /** How long a value may stay that has become useless; undefined where it has not. */
  readonly lifetime: (record: Record, key: string) => Millis | undefined;
};

/** Markers of what was taken away: every watch has told of them long before. */
const MARKERS = millis(60_000);
const EVERY = millis(5000);
/** At a time, so that a long list disturbs nobody. */
const HANDFUL = 100;

/**
 * Takes away what processes left behind: markers of removed keys, leases and facts of processes that are gone. All watch, the first of those who live does it;
 * where two think so, the server's compare-and-set makes it once.
 */
export class Janitor {
  readonly #cleanings: readonly Cleaning[];
  readonly #heartbeats: Pick<Heartbeats, 'isFirst'>;
  readonly #now: Monotonic;
  readonly #log: Logger;
  /** Since when an entry is useless. */
  readonly #since = new Map<string, { readonly revision: number; readonly at: Millis }>();
  #lastAt = -Infinity;

  constructor(cleanings: readonly Cleaning[], { heartbeats, now, log }: { readonly heartbeats: Pick<Heartbeats, 'isFirst'>; readonly now: Monotonic; readonly log: Logger }) {
    this.#cleanings = cleanings;
    this.#heartbeats = heartbeats;
    this.#now = now;
    this.#log = log;
  }

  /** Called about every second while NATS is there. */
  sweep(): void {
    const now = this.#now();
    if (now - this.#lastAt < EVERY) {
      return;
    }
    this.#lastAt = now;
    const met = new Set<string>();
    let left = HANDFUL;
    for (const cleaning of this.#cleanings) {
      for (const [key, entry] of [...cleaning.bucket.entries()]) {
        const lifetime = lifetimeOf(key, entry, cleaning);
        if (lifetime === undefined) {
          continue;
        }
        const name = `${cleaning.bucket.name}/${key}`;
        met.add(name);
        const known = this.#since.get(name);
        if (known?.revision !== entry.revision) {
          this.#since.set(name, { revision: entry.revision, at: now });
        } else if (now - known.at > lifetime && left > 0) {
          left -= 1;
          this.#clean(cleaning.bucket, key, entry);
        }
      }
    }
    [...this.#since.keys()].filter((name) => !met.has(name)).forEach((name) => this.#since.delete(name));
  }

  #clean(bucket: Cleaning['bucket'], key: string, entry: Entry): void {
    if (this.#heartbeats.isFirst) {
      const done = entry.bytes === undefined ? bucket.clear(entry.revision) : bucket.remove(key, entry.revision);
      done.catch((error: unknown) => this.#log.debug({ bucket: bucket.name, error: messageOf(error) }, 'a bucket was not cleaned and is tried again'));
    }
    if (entry.bytes === undefined) {
      bucket.forget(key);
    }
  }
}

function lifetimeOf(key: string, { bytes }: Entry, { lifetime }: Cleaning): Millis | undefined {
  if (bytes === undefined) {
    return MARKERS;
  }
  const record = decodeRecord(bytes);
  return record === undefined ? MARKERS : lifetime(record, key);
}
