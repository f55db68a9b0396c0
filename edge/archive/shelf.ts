import { join } from 'node:path';

import type { Bus } from '#core/bus/bus.ts';
import type { BroadcastInfo, StreamName } from '#core/bus/catalog.ts';
import type { BroadcastId } from '#core/media/frame.ts';
import { elapsed, later, millis, wallTime, type Clock, type WallTime } from '#core/media/time.ts';
import { MillraceError, messageOf } from '#core/runtime/errors.ts';
import type { Logger } from '#core/runtime/log.ts';

import type { Archive, ArchivedBroadcast, ArchivedFacts, BroadcastKeeper } from './archive.ts';
import { BroadcastFiles } from './disk/broadcast-files.ts';
import { diskCode, type Disk } from './disk/disk.ts';
import { EventLog } from './disk/event-log.ts';
import { OpenFiles } from './disk/open-files.ts';
import { REMOVED_PREFIX } from './format/names.ts';
import { Keeper } from './keeper.ts';
import { KeptBroadcast } from './kept-broadcast.ts';
import { takeLease } from './lease-turn.ts';
import { loadBroadcast, mendBroadcast, type LoadedBroadcast } from './mend/mend-broadcast.ts';
import type { ArchiveGauges, ArchiveMetrics } from './metrics.ts';
import { NothingKept } from './nothing-kept.ts';
import { ReadGate } from './read-gate.ts';
import { outdated, type RetentionBounds } from './retention.ts';
import { scan } from './scan.ts';
import type { StreamKeeping } from './settings.ts';
import type { Space } from './space.ts';
import { NoRoom } from './trouble.ts';

/** Who is gone longer does not return (ADR 0001: 30 s); the rest is what ingest and we may be behind. */
const RETURN_GRACE = millis(40_000);

/** So long after its end a broadcast is found as if it went on: viewers who went back still ask for its live URLs, as long as the bus knows it. */
const LINGER = millis(60_000);

const RETENTION_INTERVAL = millis(10_000);

/** Finished recordings whose index stays in memory. */
const MAX_LOADED = 8;

/** Indexes are read one after the other, for each takes the thread's time; so many questions wait for others' to be read. */
const MAX_LOADING = 32;

/** At a stop what waits for the disk is given so long. */
const CLOSE_GRACE = millis(5000);

/** What the shelf works with. */
export type ShelfOptions = {
  /** Of the archive. */
  readonly folder: string;
  readonly disk: Disk;
  readonly space: Space;
  readonly bus: Bus;
  readonly keeping: (stream: StreamName) => StreamKeeping;
  /** Bound of a rewind window that is not recorded. */
  readonly rewindMaxBytes: number;
  readonly retention: RetentionBounds;
  readonly metrics: (gauges: ArchiveGauges) => ArchiveMetrics;
  readonly log: Logger;
  readonly clock: Clock;
  /** Base URL of this node, where others send viewers who go back in time. */
  readonly url?: (() => string | undefined) | undefined;
};

/** The archive: what is on air, what may come back, what is finished. */
export class Shelf implements Archive {
  readonly #options: ShelfOptions;
  readonly #metrics: ArchiveMetrics;
  readonly #reading: OpenFiles;
  readonly #keepers = new Map<BroadcastId, Keeper>();
  /** On air, waiting for a publisher to return, or just over. */
  readonly #kept = new Map<BroadcastId, KeptBroadcast>();
  /** When those that wait are finished, and those that are over forgotten. */
  readonly #due = new Map<BroadcastId, WallTime>();
  /** Recordings that are finished. */
  readonly #records = new Map<BroadcastId, ArchivedFacts>();
  readonly #loaded = new Map<BroadcastId, Promise<KeptBroadcast | undefined>>();
  readonly #loading = new ReadGate(1, MAX_LOADING);
  /** Settles when what an earlier process left is read and mended. */
  readonly scanned: Promise<void>;
  #isFull = false;
  #isBusy = false;
  #retainedAt: WallTime | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: ShelfOptions) {
    this.#options = options;
    this.#reading = new OpenFiles(options.disk);
    this.#metrics = options.metrics({
      queuedBytes: () => this.#sum(({ queuedBytes }) => queuedBytes),
      openFiles: () => this.#sum(({ openFiles }) => openFiles) + this.#reading.count,
      recordings: () => this.#recordingsTotal(),
    });
    this.scanned = this.#scan();
  }

  keep(info: BroadcastInfo): BroadcastKeeper {
    const { rewind, isRecorded } = this.#options.keeping(info.stream);
    if (this.#closing !== undefined || (rewind === 0 && !isRecorded && !this.#kept.has(info.broadcast))) {
      return new NothingKept();
    }
    const { broadcast: id } = info;
    this.#keepers.get(id)?.stop();
    const keeper: Keeper = new Keeper(info, {
      metrics: this.#metrics,
      lease: (signal) => takeLease(this.#options.bus, id, signal),
      open: () => this.#openFor(info, isRecorded),
      lost: (kept) => void this.#end(kept),
      ended: async (kept) => {
        if (this.#keepers.get(id) === keeper) {
          this.#keepers.delete(id);
        }
        await (kept && this.#end(kept));
      },
    });
    this.#keepers.set(id, keeper);
    return keeper;
  }

  open(id: BroadcastId): ArchivedBroadcast | undefined {
    return this.#kept.get(id);
  }

  async find(id: BroadcastId): Promise<ArchivedBroadcast | undefined> {
    await this.scanned;
    return this.#kept.get(id) ?? (this.#records.has(id) ? this.#load(id) : undefined);
  }

  recordings(stream?: StreamName): readonly ArchivedFacts[] {
    return this.#allRecordings()
      .filter((facts) => stream === undefined || facts.stream === stream)
      .toSorted((a, b) => b.startedAt - a.startedAt);
  }

  async remove(id: BroadcastId): Promise<void> {
    await this.scanned;
    const kept = this.#kept.get(id);
    if (kept?.facts.isRecording === true && kept.facts.state === 'open') {
      throw new MillraceError('recording/in-progress', 'The recording goes on: it can be removed when its broadcast is over.');
    }
    const record = this.#records.get(id);
    if (record === undefined) {
      throw new MillraceError('recording/unknown', 'There is no such recording.');
    }
    this.#forget(id);
    this.#records.delete(id);
    try {
      await this.#removeFolder(id);
    } catch (error) {
      this.#records.set(id, record);
      throw new MillraceError('recording/not-removed', `The recording cannot be removed: ${messageOf(error)}`, { cause: error });
    }
  }

  /** Does what is due. Called about once a second; health is told even while the disk hangs. */
  async tick(): Promise<void> {
    const now = this.#options.clock();
    this.#tellHealth(now);
    if (this.#isBusy || this.#closing !== undefined) {
      return;
    }
    this.#isBusy = true;
    try {
      await this.#options.space.look();
      await this.#retain(now);
      for (const [id, kept] of [...this.#kept]) {
        await kept.tick(now);
        const due = this.#due.get(id);
        if (due !== undefined && elapsed(due, now) >= 0) {
          await (kept.facts.state === 'open' ? this.#end(kept) : this.#letGo(kept));
        }
      }
    } finally {
      this.#isBusy = false;
    }
  }

  /** Settles when keepers are open and nothing waits for the disk. */
  async flush(): Promise<void> {
    await Promise.all([...this.#keepers.values()].map(({ opened }) => opened));
    await Promise.all([...this.#kept.values()].map((kept) => kept.flush()));
  }

  close(): Promise<void> {
    return (this.#closing ??= (async () => {
      this.#keepers.forEach((keeper) => keeper.stop());
      const paused = Promise.all([...this.#kept.values()].map((kept) => kept.pause())).then(() => undefined, () => undefined);
      const late = Promise.withResolvers<void>();
      const timer = setTimeout(() => {
        this.#options.log.warn('the disk does not keep up: what waited for it is lost');
        late.resolve();
      }, CLOSE_GRACE);
      await Promise.race([paused, late.promise]);
      clearTimeout(timer);
      this.#reading.close();
    })());
  }

  #tellHealth(now: WallTime): void {
    for (const [id, keeper] of this.#keepers) {
      if (keeper.kept !== undefined && this.#closing === undefined) {
        const url = this.#options.url?.();
        this.#options.bus.putCatalog(id, 'archive', { ...keeper.kept.health(now), ...(url === undefined ? {} : { url }) });
      }
    }
  }

  async #scan(): Promise<void> {
    const { folder, disk, log, clock } = this.#options;
    await scan(folder, disk, this.#reading, log, {
      finished: ({ ladder: _, ...facts }) => void (facts.isRecording ? this.#records.set(facts.id, facts) : this.#removeFolder(facts.id).catch(() => undefined)),
      unfinished: async (loaded, changedAt) => {
        const kept = this.#make(loaded);
        const due = later(wallTime(Math.min(changedAt, clock())), RETURN_GRACE);
        if (elapsed(due, clock()) < 0) {
          this.#kept.set(loaded.record.id, kept);
          this.#due.set(loaded.record.id, due);
        } else {
          await this.#finish(kept, changedAt);
        }
      },
    });
  }

  /** What a broadcast goes on in, or begins with. */
  async #openFor({ broadcast: id, stream, startedAt }: BroadcastInfo, isRecording: boolean): Promise<KeptBroadcast> {
    await this.scanned;
    let kept = this.#kept.get(id);
    if (kept === undefined) {
      const before = this.#records.has(id) ? await mendBroadcast(this.#place(id), id).catch(() => undefined) : undefined;
      const { disk } = this.#options;
      kept = this.#make(
        before ?? {
          record: { id, stream, startedAt, isRecording, state: 'open', bytes: 0, duration: 0, lostGroups: 0 },
          tracks: [],
          files: new BroadcastFiles(disk, this.#folderOf(id), new EventLog(disk, this.#folderOf(id))),
        },
      );
      this.#kept.set(id, kept);
    }
    this.#due.delete(id);
    this.#records.delete(id);
    this.#loaded.delete(id);
    return kept;
  }

  #make(loaded: LoadedBroadcast): KeptBroadcast {
    const { clock, log, keeping, rewindMaxBytes } = this.#options;
    return new KeptBroadcast(loaded, {
      files: loaded.files,
      reading: this.#reading,
      bounds: { rewind: keeping(loaded.record.stream).rewind, maxBytes: rewindMaxBytes },
      admit: (kept, bytes) => this.#admit(kept, bytes),
      metrics: this.#metrics,
      log,
      clock,
    });
  }

  #admit(kept: KeptBroadcast, bytes: number): void {
    if (this.#isFull && kept.isRecording) {
      throw new NoRoom('archive/recordings-full');
    }
    this.#options.space.take(bytes);
  }

  /** A broadcast is over: it stays at hand for a while. */
  async #end(kept: KeptBroadcast): Promise<void> {
    const { id } = kept.facts;
    const now = this.#options.clock();
    this.#keepers.delete(id);
    this.#due.set(id, later(now, LINGER));
    await this.#finish(kept, now);
  }

  async #finish(kept: KeptBroadcast, endedAt: WallTime): Promise<void> {
    const { log } = this.#options;
    const { id, stream } = kept.facts;
    try {
      await kept.finish(endedAt);
    } catch (error) {
      log.warn({ broadcast: id, stream, err: error }, 'a recording could not be finished: the next start will');
    }
    if (kept.isRecording) {
      this.#records.set(id, kept.facts);
      const { bytes, duration, lostGroups } = kept.facts;
      log.info({ broadcast: id, stream, bytes, seconds: Math.round(duration / 1000), lostGroups }, 'the recording is finished');
    } else if (!this.#kept.has(id)) {
      await this.#removeFolder(id).catch(() => undefined);
    }
  }

  /** Nobody asks for the live URLs of a broadcast that is over any more. */
  async #letGo(kept: KeptBroadcast): Promise<void> {
    const { id } = kept.facts;
    this.#forget(id);
    if (!kept.isRecording) {
      await this.#removeFolder(id).catch((error: unknown) => this.#options.log.warn({ broadcast: id, err: error }, 'a rewind window cannot be removed'));
    }
  }

  #forget(id: BroadcastId): void {
    this.#kept.delete(id);
    this.#due.delete(id);
    this.#loaded.delete(id);
  }

  async #retain(now: WallTime): Promise<void> {
    const { space, retention, log } = this.#options;
    const recordings = this.#allRecordings();
    const { bytes } = this.#recordingsTotal();
    const isOver = bytes > retention.bytes;
    const isDue = this.#retainedAt === undefined || elapsed(this.#retainedAt, now) >= RETENTION_INTERVAL;
    if (isDue || isOver) {
      this.#retainedAt = now;
      for (const id of outdated(recordings, retention, now)) {
        log.info({ broadcast: id }, 'a recording is removed: it is too old, or the recordings have no more room');
        await this.remove(id).catch(() => undefined);
      }
    }
    // While nothing is written, others fill the disk: our recordings would go for nothing.
    const oldest = space.isShort && this.#keepers.size > 0 ? recordings.filter(({ id }) => this.#records.has(id)).toSorted((a, b) => a.startedAt - b.startedAt)[0] : undefined;
    if (oldest !== undefined) {
      log.warn({ broadcast: oldest.id, bytes: oldest.bytes }, 'the disk is short of room: the oldest recording is removed');
      await this.remove(oldest.id).catch(() => undefined);
      await space.look();
    }
    this.#isFull = this.#records.size === 0 && this.#recordingsTotal().bytes > retention.bytes;
  }

  /** @throws {MillraceError} `recording/busy` where too many others are being read. */
  #load(id: BroadcastId): Promise<KeptBroadcast | undefined> {
    const loading = this.#loaded.get(id) ?? this.#loading.run(() => this.#read(id));
    if (loading === undefined) {
      return Promise.reject(new MillraceError('recording/busy', 'Too many recordings are being looked into.'));
    }
    this.#loaded.delete(id);
    this.#loaded.set(id, loading);
    for (const other of this.#loaded.keys()) {
      if (this.#loaded.size > MAX_LOADED) {
        this.#loaded.delete(other);
      }
    }
    return loading;
  }

  async #read(id: BroadcastId): Promise<KeptBroadcast | undefined> {
    try {
      const loaded = await loadBroadcast(this.#place(id), id);
      if (loaded === undefined) {
        // Somebody took it away.
        this.#records.delete(id);
      }
      return loaded && this.#make(loaded);
    } catch (error) {
      this.#loaded.delete(id);
      this.#options.log.warn({ broadcast: id, err: error }, 'a recording cannot be read');
      return undefined;
    }
  }

  /** A crash on the way leaves nothing that looks like a broadcast. */
  async #removeFolder(id: BroadcastId): Promise<void> {
    const { disk, folder } = this.#options;
    const removed = join(folder, `${REMOVED_PREFIX}${id}`);
    this.#reading.forget(this.#folderOf(id));
    try {
      await disk.rename(this.#folderOf(id), removed);
    } catch (error) {
      if (diskCode(error) !== 'ENOENT') {
        throw error;
      }
    }
    await disk.remove(removed);
  }

  #allRecordings(): ArchivedFacts[] {
    const open = [...this.#kept.values()].map(({ facts }) => facts).filter(({ id, isRecording }) => isRecording && !this.#records.has(id));
    return [...open, ...this.#records.values()];
  }

  #recordingsTotal(): { readonly count: number; readonly bytes: number } {
    const all = this.#allRecordings();
    return { count: all.length, bytes: all.reduce((sum, { bytes }) => sum + bytes, 0) };
  }

  #place(id: BroadcastId): { readonly disk: Disk; readonly files: OpenFiles; readonly folder: string } {
    return { disk: this.#options.disk, files: this.#reading, folder: this.#folderOf(id) };
  }

  #folderOf(id: BroadcastId): string {
    return join(this.#options.folder, id);
  }

  #sum(of: (kept: KeptBroadcast) => number): number {
    return [...this.#kept.values()].reduce((sum, kept) => sum + of(kept), 0);
  }
}
