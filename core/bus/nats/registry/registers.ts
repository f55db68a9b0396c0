import { millis, type Millis } from '../../../media/time.ts';
import { MillraceError, messageOf } from '../../../runtime/errors.ts';
import type { Logger } from '../../../runtime/log.ts';
import type { Bucket } from '../kv/bucket.ts';
import type { Entry } from '../kv/entry.ts';
import { decodeRecord, encodeRecord, type Record, type Session } from '../kv/record.ts';

/** Told of a key's newest record; undefined where it was taken away. `here` where this process wrote it. */
export type RegisterListener = (key: string, record: Record | undefined, here: boolean) => void;

/** Options of {@link Registers}. */
export type RegistersOptions = {
  readonly session: Session;
  /** How often a key is written at most; what comes between is replaced by what comes after. */
  readonly pace: (key: string) => Millis;
  readonly log: Logger;
};

/** What {@link Registers} asks of a bucket. */
export type RegisterBucket = Pick<Bucket, 'name' | 'put' | 'read' | 'remove'>;

type Register = {
  record: Record | undefined;
  /** The newest one of the key that was heard of. */
  revision: number;
  /** What is here has to be written. */
  isDirty: boolean;
  isWriting: boolean;
  writtenAt: number;
};

/** Writings that wait for the server's answer at a time. */
const MAX_WRITING = 32;
const RETRY_MS = 250;
const WARN_EVERY = 10_000;
/** Servers take messages of 1 MiB unless told otherwise. */
const MAX_BODY = 256 * 1024;

/**
 * Values under keys, where each has one writer at a time: the highest fence wins, among equals the last. What is written here is seen here at once, and
 * written to NATS as soon as it is there: of each key only the newest waits. What this process wrote and the server lost is written again.
 */
export class Registers {
  readonly #registers = new Map<string, Register>();
  readonly #dirty = new Set<string>();
  readonly #options: RegistersOptions;
  readonly #listener: RegisterListener;
  #bucket: RegisterBucket | undefined;
  #writing = 0;
  #warnedAt = -Infinity;
  /** Of revisions: those of before {@link Registers.offline} say nothing. */
  #generation = 0;
  #timer: NodeJS.Timeout | undefined;
  /** Of {@link #timer}. */
  #dueAt = Infinity;

  constructor(options: RegistersOptions, listener: RegisterListener) {
    this.#options = options;
    this.#listener = listener;
  }

  /** Keys that wait to be written. */
  get waiting(): number {
    return this.#dirty.size;
  }

  get(key: string): Record | undefined {
    return this.#registers.get(key)?.record;
  }

  keys(): IterableIterator<string> {
    return this.#registers.keys();
  }

  /**
   * Writes a value. False where a higher fence has written it.
   *
   * @throws {MillraceError} `bus/too-large` above 256 KiB.
   */
  set(key: string, fence: number, body: Uint8Array): boolean {
    if (body.byteLength > MAX_BODY) {
      throw new MillraceError('bus/too-large', `a value on the bus has at most ${MAX_BODY} bytes, "${key}" has ${body.byteLength}`);
    }
    const register = this.#open(key);
    if (fence < (register.record?.fence ?? 0)) {
      return false;
    }
    const known = register.record;
    register.record = { fence, by: this.#options.session, body };
    this.#listener(key, register.record, true);
    if (!isSame(known, register.record)) {
      this.#soil(key, register);
    }
    return true;
  }

  /** Takes a value away, here and on the server, whoever wrote it; what is written there meanwhile stays. */
  remove(key: string): void {
    const register = this.#registers.get(key);
    if (register?.record !== undefined) {
      register.record = undefined;
      this.#listener(key, undefined, true);
      this.#soil(key, register);
    }
  }

  /** Takes a value away here alone: another process removes it on the server. */
  drop(key: string): void {
    const register = this.#registers.get(key);
    if (register?.record !== undefined) {
      register.record = undefined;
      this.#listener(key, undefined, true);
      this.#settle(key, register);
    }
  }

  /** From the bucket's watch. */
  arrived(key: string, entry: Entry | undefined): void {
    const register = this.#open(key);
    const revision = entry?.revision ?? 0;
    if (revision > 0 && revision < register.revision) {
      // Older than what was confirmed to this process meanwhile.
      return;
    }
    register.revision = revision;
    const { session } = this.#options;
    if (entry === undefined && register.record?.by === session) {
      // The server lost it.
      this.#soil(key, register);
      return;
    }
    const record = entry?.bytes === undefined ? undefined : decodeRecord(entry.bytes);
    const isPending = register.isDirty || register.isWriting;
    if (record === undefined) {
      if (!isPending) {
        this.#adopt(key, register, undefined);
      }
      return;
    }
    if (isPending && register.record !== undefined && record.fence <= register.record.fence) {
      // About to be written over.
      return;
    }
    if (record.by !== session && record.fence >= (register.record?.fence ?? 0)) {
      this.#adopt(key, register, record);
    } else if (register.record?.by === session && !isSame(record, register.record)) {
      // The server lost what was newest, or somebody who was overtaken came first after it lost all.
      this.#soil(key, register);
    }
  }

  /** NATS is there, and all that it holds has arrived: writes what waits. */
  online(bucket: RegisterBucket): void {
    this.#bucket = bucket;
    this.#flush();
  }

  /** NATS is away, or is about to be read anew: what is written waits. */
  offline(): void {
    this.#bucket = undefined;
    clearTimeout(this.#timer);
    this.#dueAt = Infinity;
    // A server that lost its store counts from 1 again.
    this.#generation += 1;
    this.#registers.forEach((register) => {
      register.revision = 0;
    });
  }

  #open(key: string): Register {
    let register = this.#registers.get(key);
    if (register === undefined) {
      register = { record: undefined, revision: 0, isDirty: false, isWriting: false, writtenAt: -Infinity };
      this.#registers.set(key, register);
    }
    return register;
  }

  #adopt(key: string, register: Register, record: Record | undefined): void {
    const known = register.record;
    register.record = record;
    this.#settle(key, register);
    if (!isSame(known, record)) {
      this.#listener(key, record, false);
    }
  }

  /** Nothing of the key has to be written; a key without a record leaves nothing behind. */
  #settle(key: string, register: Register): void {
    register.isDirty = false;
    this.#dirty.delete(key);
    if (register.record === undefined && !register.isWriting && this.#registers.get(key) === register) {
      this.#registers.delete(key);
    }
  }

  #soil(key: string, register: Register): void {
    register.isDirty = true;
    this.#dirty.add(key);
    this.#flush();
  }

  #flush(): void {
    if (this.#bucket === undefined) {
      return;
    }
    const now = performance.now();
    let next = Infinity;
    for (const key of this.#dirty) {
      if (this.#writing >= MAX_WRITING) {
        return;
      }
      const register = this.#registers.get(key);
      if (register === undefined || register.isWriting) {
        continue;
      }
      const due = register.writtenAt + this.#options.pace(key);
      if (due <= now) {
        void this.#write(key, register, this.#bucket);
      } else {
        next = Math.min(next, due);
      }
    }
    if (next < this.#dueAt) {
      this.#wake(millis(next - now));
    }
  }

  #wake(after: Millis): void {
    clearTimeout(this.#timer);
    this.#dueAt = performance.now() + after;
    this.#timer = setTimeout(() => {
      this.#dueAt = Infinity;
      this.#flush();
    }, after);
    this.#timer.unref();
  }

  async #write(key: string, register: Register, bucket: RegisterBucket): Promise<void> {
    this.#writing += 1;
    register.isWriting = true;
    this.#settle(key, register);
    register.writtenAt = performance.now();
    const { record } = register;
    let isDone = false;
    try {
      isDone = await this.#attempt(key, register, record, bucket);
    } catch (error) {
      if (this.#bucket === bucket) {
        this.#warn(bucket.name, messageOf(error));
      }
    }
    this.#writing -= 1;
    register.isWriting = false;
    if (!isDone && register.record === record) {
      register.writtenAt = performance.now() + RETRY_MS - this.#options.pace(key);
      this.#soil(key, register);
      return;
    }
    if (!register.isDirty) {
      this.#settle(key, register);
    }
    this.#flush();
  }

  #warn(bucket: string, error: string): void {
    const now = performance.now();
    if (now - this.#warnedAt > WARN_EVERY) {
      this.#warnedAt = now;
      this.#options.log.warn({ bucket, error, waiting: this.waiting }, 'values are not written to NATS, and tried again');
    }
  }

  /** True where what is here is there; false where it has to be tried again later. */
  async #attempt(key: string, register: Register, record: Record | undefined, bucket: RegisterBucket): Promise<boolean> {
    if (record === undefined) {
      // Where another was quicker, what he wrote stays.
      return register.revision === 0 || (await bucket.remove(key, register.revision).then(() => true));
    }
    const generation = this.#generation;
    for (let attempt = 0; attempt < 5; attempt += 1) {
      const revision = await bucket.put(key, encodeRecord(record), register.revision);
      if (this.#generation !== generation) {
        // Whether it is there is seen when all is read again.
        return false;
      }
      if (revision !== undefined) {
        register.revision = Math.max(register.revision, revision);
        return true;
      }
      const entry = await bucket.read(key);
      if (this.#generation !== generation) {
        return false;
      }
      register.revision = entry?.revision ?? 0;
      const theirs = entry?.bytes === undefined ? undefined : decodeRecord(entry.bytes);
      if (register.record !== record) {
        // Replaced while this was asked: what replaced it is written next.
        return true;
      }
      if (theirs !== undefined && theirs.fence > record.fence) {
        this.#adopt(key, register, theirs);
        return true;
      }
    }
    return false;
  }
}

function isSame(a: Record | undefined, b: Record | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && a.by === b.by && a.fence === b.fence && Buffer.compare(a.body, b.body) === 0);
}
