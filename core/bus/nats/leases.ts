import type { Clock } from '../../media/time.ts';
import { MillraceError, messageOf } from '../../runtime/errors.ts';
import type { Logger } from '../../runtime/log.ts';
import type { Lease } from '../bus.ts';
import type { Bucket } from './kv/bucket.ts';
import type { Entry } from './kv/entry.ts';
import { decodeRecord, encodeRecord, type Record, type Session } from './kv/record.ts';
import type { Heartbeats } from './presence/heartbeats.ts';

/** Options of {@link NatsLeases}. */
export type NatsLeasesOptions = {
  readonly session: Session;
  readonly clock: Clock;
  readonly heartbeats: Heartbeats;
  readonly log: Logger;
  /** Settles when NATS is there. @throws {MillraceError} `bus/unreachable` where it is not soon. */
  readonly reachable: () => Promise<Bucket>;
};

type HeldLease = Lease & {
  /** Tells this taking from every other of the same process. */
  readonly id: string;
  readonly lose: () => void;
};

const MAX_ATTEMPTS = 50;
/** Released leases are written in such handfuls when the process stops. */
const RELEASED_AT_A_TIME = 64;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * Leases as keys with holder and fence, changed by compare-and-set (ADR 0012). None has a heartbeat of its own: its holder has one. A lease that nobody
 * holds stays for its fence, with an empty holder.
 */
export class NatsLeases {
  readonly #options: NatsLeasesOptions;
  readonly #held = new Map<string, HeldLease>();
  /** Given back while NATS was away: to be told when it is there. */
  readonly #owed = new Map<string, HeldLease>();
  #bucket: Bucket | undefined;
  #isClosed = false;

  constructor(options: NatsLeasesOptions) {
    this.#options = options;
  }

  /** Takes a lease; with `politely` only where nobody who lives holds it. @throws {MillraceError} `bus/unreachable`. */
  async take(resource: string, politely: boolean): Promise<Lease | undefined> {
    const id = crypto.randomUUID();
    const bucket = await this.#options.reachable();
    let entry = bucket.get(resource);
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      const record = recordOf(entry);
      if (record !== undefined && isTaking(record, this.#options.session, id)) {
        // Written by an attempt whose answer was lost.
        return this.#hold(resource, id, record.fence);
      }
      if (politely && (this.#held.has(resource) || (record !== undefined && this.#isHeld(record)))) {
        return undefined;
      }
      const fence = Math.max((record?.fence ?? 0) + 1, (this.#held.get(resource)?.fence ?? 0) + 1, Math.floor(this.#options.clock()));
      if ((await this.#write(bucket, resource, { fence, by: this.#options.session, body: encoder.encode(id) }, entry?.revision ?? 0)) === true) {
        return this.#hold(resource, id, fence);
      }
      entry = await this.#read(bucket, resource);
    }
    throw new MillraceError('bus/unreachable', `the lease "${resource}" could not be taken: NATS does not keep up`);
  }

  /** From the bucket's watch. */
  arrived(resource: string, entry: Entry | undefined): void {
    const held = this.#held.get(resource);
    const record = recordOf(entry);
    if (held === undefined || (record !== undefined && isTaking(record, this.#options.session, held.id))) {
      return;
    }
    if (record !== undefined && record.fence > held.fence) {
      held.lose();
    } else if (record === undefined || record.fence < held.fence) {
      // The server lost its store; whoever came first since then is behind.
      void this.#restore(resource, held);
    }
  }

  /** NATS is there, and all leases were read. */
  online(bucket: Bucket): void {
    this.#bucket = bucket;
    for (const [resource, held] of [...this.#owed]) {
      this.#owed.delete(resource);
      void this.#giveBack(resource, held);
    }
    const lost = [...this.#held.keys()].filter((resource) => recordOf(bucket.get(resource)) === undefined);
    if (lost.length > 0) {
      this.#options.log.warn({ leases: lost.length }, 'NATS has lost leases of this process, which are written again');
    }
    [...this.#held.keys()].forEach((resource) => this.arrived(resource, bucket.get(resource)));
  }

  /** NATS is away: what is held stays held, as far as anybody here can know. */
  offline(): void {
    this.#bucket = undefined;
  }

  /** Gives back everything; settles when NATS knows, or does not answer. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const all = [...this.#held];
    all.forEach(([, held]) => held.lose());
    for (let i = 0; i < all.length && this.#bucket !== undefined; i += RELEASED_AT_A_TIME) {
      await Promise.all(all.slice(i, i + RELEASED_AT_A_TIME).map(([resource, held]) => this.#giveBack(resource, held)));
    }
  }

  #isHeld(record: Record): boolean {
    return record.by !== '' && record.by !== this.#options.session && this.#options.heartbeats.isAlive(record.by);
  }

  #hold(resource: string, id: string, fence: number): Lease {
    if (this.#isClosed) {
      throw new MillraceError('bus/closed', 'the bus is closed');
    }
    this.#held.get(resource)?.lose();
    const { promise: lost, resolve } = Promise.withResolvers<void>();
    const lease: HeldLease = {
      id,
      fence,
      lost,
      lose: () => {
        if (this.#held.get(resource) === lease) {
          this.#held.delete(resource);
        }
        resolve();
      },
      release: () => {
        const isHeld = this.#held.get(resource) === lease;
        lease.lose();
        if (isHeld) {
          void this.#giveBack(resource, lease);
        }
      },
    };
    this.#held.set(resource, lease);
    // The watch may have been quicker than the answer.
    const newest = recordOf(this.#bucket?.get(resource));
    if (newest !== undefined && newest.fence > fence) {
      lease.lose();
    }
    return lease;
  }

  async #giveBack(resource: string, held: HeldLease): Promise<void> {
    const bucket = this.#bucket;
    if (bucket === undefined) {
      this.#owed.set(resource, held);
      return;
    }
    let entry = bucket.get(resource);
    for (let attempt = 0; attempt < 5; attempt += 1) {
      const record = recordOf(entry);
      if (record !== undefined && isTaking(record, this.#options.session, held.id)) {
        if ((await this.#write(bucket, resource, { fence: held.fence, by: '', body: new Uint8Array() }, entry?.revision ?? 0)) === true) {
          return;
        }
      } else if (attempt > 0) {
        // Somebody else's by now.
        return;
      }
      try {
        entry = await bucket.read(resource);
      } catch (error) {
        if (this.#bucket !== bucket) {
          this.#owed.set(resource, held);
          return;
        }
        this.#options.log.debug({ resource, error: messageOf(error) }, 'a lease was not given back and is tried again');
      }
    }
  }

  async #restore(resource: string, held: HeldLease): Promise<void> {
    for (let attempt = 0; attempt < 5 && this.#bucket !== undefined && this.#held.get(resource) === held; attempt += 1) {
      const entry = await this.#bucket.read(resource).catch(() => undefined);
      const record = recordOf(entry);
      if (record !== undefined && record.fence > held.fence) {
        held.lose();
        return;
      }
      if (record !== undefined && isTaking(record, this.#options.session, held.id)) {
        return;
      }
      const written = this.#bucket === undefined ? undefined : await this.#write(this.#bucket, resource, { fence: held.fence, by: this.#options.session, body: encoder.encode(held.id) }, entry?.revision ?? 0);
      if (written === true) {
        return;
      }
    }
  }

  /** False where another was quicker, undefined where nobody knows. */
  async #write(bucket: Bucket, resource: string, record: Record, expected: number): Promise<boolean | undefined> {
    try {
      return (await bucket.put(resource, encodeRecord(record), expected)) !== undefined;
    } catch (error) {
      this.#options.log.debug({ resource, error: messageOf(error) }, 'NATS did not answer for a lease');
      return undefined;
    }
  }

  async #read(bucket: Bucket, resource: string): Promise<Entry | undefined> {
    try {
      return await bucket.read(resource);
    } catch (error) {
      throw new MillraceError('bus/unreachable', `NATS does not answer for the lease "${resource}"`, { cause: error });
    }
  }
}

function recordOf(entry: Entry | undefined): Record | undefined {
  return entry?.bytes === undefined ? undefined : decodeRecord(entry.bytes);
}

function isTaking(record: Record, session: Session, id: string): boolean {
  return record.by === session && decoder.decode(record.body) === id;
}
