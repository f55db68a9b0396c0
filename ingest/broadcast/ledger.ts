import { z } from 'zod';

import { isStreamName } from '#core/access/stream-key.ts';
import type { StreamName } from '#core/bus/catalog.ts';
import { isBroadcastId } from '#core/media/frame.ts';
import { millis } from '#core/media/time.ts';

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
  /** True where everything below the floors was given out: the next epoch need not leave room for what is not known. */
  exact: z.boolean().exactOptional(),
  /** When a publisher was last sending. */
  aliveAt: z.number().positive(),
  /** What its source was, so that the gap at its return is short. */
  memory: memorySchema.optional().catch(undefined),
});

/** What outlives the process of one stream's broadcast: numbers reserved ahead of their use. */
export type LedgerEntry = Readonly<z.output<typeof entrySchema>>;

/** Reads the entry of a stream. @throws {Error} where it is none. */
export function readEntry(value: unknown, stream: StreamName): LedgerEntry {
  const entry = entrySchema.parse(value);
  if (entry.stream !== stream) {
    throw new RangeError(`it is the entry of ${entry.stream}`);
  }
  return entry;
}

/**
 * Keeps an entry for each stream that has a broadcast. Writes of a stream keep their order, never wait for those of another, and skip
 * values that a newer one has overtaken. What fails is logged, and disturbs no broadcast.
 */
export interface Ledger {
  /** True where every process on the bus has the same ledger: an entry is read when its stream is taken up. */
  readonly shared: boolean;
  /** What an earlier run of this process left; nothing where the ledger is shared. */
  load(): Promise<LedgerEntry[]>;
  /** The entry of a stream that this process looks after from now on. @throws {MillraceError} `bus/unreachable`. */
  read(stream: StreamName): Promise<LedgerEntry | undefined>;
  /** Settles once the entry, or a newer one, is kept (true), or has failed to be. `fence`: of the lease under which the stream is looked after. */
  write(entry: LedgerEntry, fence: number): Promise<boolean>;
  /** Forgets a stream's broadcast. Settles as {@link Ledger.write}. */
  remove(stream: StreamName, fence: number): Promise<boolean>;
  /** Settles when nothing waits to be written. */
  flush(): Promise<void>;
}
