import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { z } from 'zod';

import { isStreamName } from '#core/access/stream-key.ts';
import type { StreamName } from '#core/bus/catalog.ts';
import { isBroadcastId } from '#core/media/frame.ts';
import { millis } from '#core/media/time.ts';
import { messageOf } from '#core/runtime/errors.ts';
import type { Logger } from '#core/runtime/log.ts';

const memorySchema = z.object({
  configs: z.string(),
  analysis: z.object({
    rate: z.object({ num: z.number().int().positive(), den: z.number().int().positive() }).exactOptional(),
    frameRate: z.number().min(0),
    reordered: z.boolean(),
    gop: z.number().min(0).transform(millis).exactOptional(),
    grid: z.boolean(),
  }),
});

const entrySchema = z.object({
  version: z.literal(1),
  stream: z.string().refine(isStreamName),
  broadcast: z.string().refine(isBroadcastId),
  /** Milliseconds since the Unix epoch. */
  startedAt: z.number().positive(),
  /** Highest epoch that may have been begun. */
  epoch: z.number().int().min(0),
  /** No group at or above this has been given out. */
  groupFloor: z.number().int().min(0),
  /** Milliseconds of the broadcast's timeline: nothing at or above this has been given out. */
  mediaFloor: z.number().min(0),
  /** When a publisher was last sending. */
  aliveAt: z.number().positive(),
  /** What its source was, so that the gap at its return is short. */
  memory: memorySchema.optional().catch(undefined),
});

/** What outlives the process of one stream's broadcast: numbers reserved ahead of their use. */
export type LedgerEntry = Readonly<z.output<typeof entrySchema>>;

type Pending = { entry: LedgerEntry | undefined; done: Promise<void> };

/**
 * Keeps each stream's entry in `<folder>/<stream>.json`. Writes are atomic (a new file renamed over the old one),
 * never wait for one another, and skip values that a newer one has overtaken. A disk that fails is logged and
 * disturbs no broadcast.
 */
export class Ledger {
  readonly #folder: string;
  readonly #log: Logger;
  readonly #queued = new Map<StreamName, Pending>();
  readonly #running = new Map<StreamName, Promise<void>>();
  /** The disk failed at the last write: it is told once, not for every stream in every second. */
  #failing = false;

  constructor(folder: string, log: Logger) {
    this.#folder = folder;
    this.#log = log;
  }

  /** Reads every entry. A damaged file is logged and left out: its stream begins a new broadcast. */
  async load(): Promise<LedgerEntry[]> {
    try {
      await mkdir(this.#folder, { recursive: true });
      const names = (await readdir(this.#folder)).filter((name) => name.endsWith('.json'));
      const entries = await Promise.all(names.map((name) => this.#read(name)));
      return entries.filter((entry) => entry !== undefined);
    } catch (error) {
      this.#log.warn({ folder: this.#folder, err: error }, 'the ledger of broadcasts cannot be read: interrupted broadcasts begin anew');
      return [];
    }
  }

  /** Writes an entry; settles once it, or a newer one, is on disk or has failed to get there. */
  write(entry: LedgerEntry): Promise<void> {
    return this.#enqueue(entry.stream, entry);
  }

  /** Forgets a stream's broadcast. */
  remove(stream: StreamName): Promise<void> {
    return this.#enqueue(stream, undefined);
  }

  /** Settles when nothing waits to be written. */
  async flush(): Promise<void> {
    while (this.#running.size > 0) {
      await Promise.all(this.#running.values());
    }
  }

  #enqueue(stream: StreamName, entry: LedgerEntry | undefined): Promise<void> {
    const queued = this.#queued.get(stream);
    if (queued) {
      queued.entry = entry;
      return queued.done;
    }
    const before = this.#running.get(stream) ?? Promise.resolve();
    const pending: Pending = { entry, done: Promise.resolve() };
    pending.done = before.then(async () => {
      this.#queued.delete(stream);
      await this.#store(stream, pending.entry);
      if (this.#running.get(stream) === pending.done) {
        this.#running.delete(stream);
      }
    });
    this.#queued.set(stream, pending);
    this.#running.set(stream, pending.done);
    return pending.done;
  }

  async #store(stream: StreamName, entry: LedgerEntry | undefined): Promise<void> {
    const path = join(this.#folder, `${stream}.json`);
    try {
      if (entry) {
        await writeFile(`${path}.new`, `${JSON.stringify(entry)}\n`);
        await rename(`${path}.new`, path);
      } else {
        await rm(path, { force: true });
      }
      if (this.#failing) {
        this.#failing = false;
        this.#log.info({ path }, 'the ledger can be written again');
      }
    } catch (error) {
      if (!this.#failing) {
        this.#failing = true;
        this.#log.error({ stream, path, err: error }, 'the ledger cannot be written: until it can, a restart may not continue broadcasts');
      }
    }
  }

  async #read(name: string): Promise<LedgerEntry | undefined> {
    const path = join(this.#folder, name);
    try {
      const entry = entrySchema.parse(JSON.parse(await readFile(path, 'utf8')));
      if (`${entry.stream}.json` !== name) {
        throw new RangeError(`it is the entry of ${entry.stream}`);
      }
      return entry;
    } catch (error) {
      this.#log.warn({ path, reason: messageOf(error) }, 'a ledger file is damaged: its stream begins a new broadcast');
      return undefined;
    }
  }
}
