import type { StreamName } from '#core/bus/catalog.ts';
import type { SharedState } from '#core/bus/shared-state.ts';
import { messageOf, MillraceError } from '#core/runtime/errors.ts';
import type { Logger } from '#core/runtime/log.ts';

import { LatestWrites } from './latest-writes.ts';
import { readEntry, type Ledger, type LedgerEntry } from './ledger.ts';

type Write = { readonly entry: LedgerEntry | undefined; readonly fence: number };

const keyOf = (stream: StreamName): string => `ledger/${stream}`;

/**
 * The ledger of many processes, in the values that they share, under `ledger/<stream>`. What a process writes that was overtaken is
 * refused by its fence.
 */
export class SharedLedger implements Ledger {
  readonly shared = true;
  readonly #state: SharedState;
  readonly #log: Logger;
  readonly #writes = new LatestWrites<Write>((stream, write) => this.#store(stream, write));
  /** The last write failed: it is told once, not for every stream in every second. */
  #failing = false;

  constructor(state: SharedState, log: Logger) {
    this.#state = state;
    this.#log = log;
  }

  /** Nothing: what others left is read as its stream is taken up. */
  load(): Promise<LedgerEntry[]> {
    return Promise.resolve([]);
  }

  /** A damaged entry is logged and counts as none. */
  async read(stream: StreamName): Promise<LedgerEntry | undefined> {
    const value = await this.#state.get(keyOf(stream));
    if (value === undefined) {
      return undefined;
    }
    try {
      return readEntry(value, stream);
    } catch (error) {
      this.#log.warn({ stream, reason: messageOf(error) }, 'an entry of the shared ledger is damaged: its stream begins a new broadcast');
      return undefined;
    }
  }

  write(entry: LedgerEntry, fence: number): Promise<boolean> {
    return this.#writes.put(entry.stream, { entry, fence });
  }

  remove(stream: StreamName, fence: number): Promise<boolean> {
    return this.#writes.put(stream, { entry: undefined, fence });
  }

  flush(): Promise<void> {
    return this.#writes.flush();
  }

  async #store(stream: StreamName, { entry, fence }: Write): Promise<boolean> {
    try {
      await (entry ? this.#state.put(keyOf(stream), entry, { fence }) : this.#state.delete(keyOf(stream), { fence }));
      if (this.#failing) {
        this.#failing = false;
        this.#log.info('the shared ledger can be written again');
      }
      return true;
    } catch (error) {
      // Another process has taken the stream over: the lease tells, and what it wrote is newer.
      if (!(error instanceof MillraceError && error.code === 'bus/fenced') && !this.#failing) {
        this.#failing = true;
        this.#log.error({ stream, err: error }, 'the shared ledger cannot be written: until it can, no other process may continue these broadcasts');
      }
      return false;
    }
  }
}
