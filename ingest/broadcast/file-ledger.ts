import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { StreamName } from '#core/bus/catalog.ts';
import { messageOf } from '#core/runtime/errors.ts';
import type { Logger } from '#core/runtime/log.ts';

import { LatestWrites } from './latest-writes.ts';
import { readEntry, type Ledger, type LedgerEntry } from './ledger.ts';

const SUFFIX = '.json';

/** The ledger of a process that is alone: each stream's entry in `<folder>/<stream>.json`, written anew and renamed over the old one. */
export class FileLedger implements Ledger {
  readonly shared = false;
  readonly #folder: string;
  readonly #log: Logger;
  readonly #writes = new LatestWrites<LedgerEntry | undefined>((stream, entry) => this.#store(stream, entry));
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
      const names = (await readdir(this.#folder)).filter((name) => name.endsWith(SUFFIX));
      const entries = await Promise.all(names.map((name) => this.#read(name)));
      return entries.filter((entry) => entry !== undefined);
    } catch (error) {
      this.#log.warn({ folder: this.#folder, err: error }, 'the ledger of broadcasts cannot be read: interrupted broadcasts begin anew');
      return [];
    }
  }

  /** Nothing: what there was has been loaded. */
  read(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  write(entry: LedgerEntry): Promise<boolean> {
    return this.#writes.put(entry.stream, entry);
  }

  remove(stream: StreamName): Promise<boolean> {
    return this.#writes.put(stream, undefined);
  }

  flush(): Promise<void> {
    return this.#writes.flush();
  }

  async #store(stream: StreamName, entry: LedgerEntry | undefined): Promise<boolean> {
    const path = join(this.#folder, `${stream}${SUFFIX}`);
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
      return true;
    } catch (error) {
      if (!this.#failing) {
        this.#failing = true;
        this.#log.error({ stream, path, err: error }, 'the ledger cannot be written: until it can, a restart may not continue broadcasts');
      }
      return false;
    }
  }

  async #read(name: string): Promise<LedgerEntry | undefined> {
    const path = join(this.#folder, name);
    try {
      return readEntry(JSON.parse(await readFile(path, 'utf8')), name.slice(0, -SUFFIX.length));
    } catch (error) {
      this.#log.warn({ path, reason: messageOf(error) }, 'a ledger file is damaged: its stream begins a new broadcast');
      return undefined;
    }
  }
}
