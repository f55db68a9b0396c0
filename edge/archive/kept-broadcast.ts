import type { ArchiveHealth, LadderCatalog } from '#core/bus/catalog.ts';
import { elapsed, later, millis, ticksToMillis, type Clock, type Millis, type WallTime } from '#core/media/time.ts';
import type { TimedEvent } from '#core/media/timed-event.ts';
import type { TrackName } from '#core/media/track.ts';
import type { Logger } from '#core/runtime/log.ts';

import type { InitSegment, Segment } from '../cmaf/segment.ts';
import type { ArchivedBroadcast, ArchivedFacts } from './archive.ts';
import type { BroadcastFiles } from './disk/broadcast-files.ts';
import type { OpenFiles } from './disk/open-files.ts';
import type { TrackFiles } from './disk/track-files.ts';
import { WriteQueue } from './disk/write-queue.ts';
import type { BroadcastRecord } from './format/broadcast-file.ts';
import type { IndexHead } from './format/index-line.ts';
import { mfra, moofOffset } from './format/mfra.ts';
import { KeptTrack } from './kept-track.ts';
import type { ArchiveMetrics } from './metrics.ts';
import { troubleOf, Troubles } from './trouble.ts';
import { outsideWindow, type WindowBounds } from './window.ts';

/** Bytes of segments that wait for the disk, of one broadcast. For some seconds the live window holds the same bytes anyway. */
export const MAX_QUEUED_BYTES = 48 * 1024 * 1024;

/** A volume of what is not recorded: the window's end moves in steps of it. */
const VOLUME_SPAN = millis(60_000);

/** How often what is written is brought to the medium: a loss of power costs so much at most. */
const SYNC_INTERVAL = millis(5000);

/** After trouble it is tried again so often. */
const RETRY_INTERVAL = millis(10_000);

/** What a kept broadcast works with. */
export type KeptOptions = {
  readonly files: BroadcastFiles;
  readonly reading: OpenFiles;
  readonly bounds: WindowBounds;
  /** Asked before each write of so many bytes; throws where there is no room for them. */
  readonly admit: (kept: KeptBroadcast, bytes: number) => void;
  readonly metrics: ArchiveMetrics;
  readonly log: Logger;
  readonly clock: Clock;
};

/** What was read from disk of a broadcast. */
export type Loaded = { readonly record: BroadcastRecord; readonly tracks: readonly KeptTrack[] };

/** Where a track is written to now. */
type Current = { readonly volume: number; readonly since: Millis };

/**
 * One broadcast in the archive. What is told of it goes into memory at once, and to disk when its turn comes; readers cannot tell which. A disk that fails
 * turns it off: what had not been written is lost, and it is tried again every ten seconds.
 */
export class KeptBroadcast implements ArchivedBroadcast {
  readonly #options: KeptOptions;
  readonly #tracks = new Map<TrackName, KeptTrack>();
  readonly #current = new Map<KeptTrack, Current>();
  readonly #queue = new WriteQueue((error) => this.#turnOff(error));
  readonly #troubles = new Troubles();
  readonly #listeners = new Set<() => void>();
  #record: BroadcastRecord;
  #state: 'idle' | 'on' | 'off' = 'idle';
  #retryAt: WallTime | undefined;
  #syncedAt: WallTime;
  #isSyncing = false;

  /** Not written to before {@link KeptBroadcast.begin}. */
  constructor({ record, tracks }: Loaded, options: KeptOptions) {
    this.#record = record;
    this.#options = options;
    this.#syncedAt = options.clock();
    tracks.forEach((track) => this.#tracks.set(track.track, track));
  }

  get folder(): string {
    return this.#options.files.folder;
  }

  get tracks(): ReadonlyMap<TrackName, KeptTrack> {
    return this.#tracks;
  }

  get events(): readonly TimedEvent[] {
    return this.#options.files.events.events;
  }

  get rewind(): Millis {
    return this.#state === 'on' ? this.#options.bounds.rewind : millis(0);
  }

  get ladder(): LadderCatalog | undefined {
    return this.#record.ladder;
  }

  set ladder(ladder: LadderCatalog) {
    if (JSON.stringify(ladder) !== JSON.stringify(this.#record.ladder)) {
      this.#record = { ...this.#record, ladder };
      if (this.#state === 'on') {
        this.#queue.add({ bytes: 0, run: () => this.#options.files.writeRecord(this.record) });
      }
      this.#changed();
    }
  }

  get facts(): ArchivedFacts {
    const { id, stream, startedAt, endedAt, isRecording, state } = this.#record;
    const tracks = [...this.#tracks.values()];
    return {
      id,
      stream,
      startedAt,
      ...(endedAt === undefined ? {} : { endedAt }),
      isRecording,
      state,
      bytes: tracks.reduce((sum, { bytes }) => sum + bytes, this.#options.files.indexBytes),
      duration: Math.max(0, ...tracks.map(({ duration }) => duration)),
      lostGroups: Math.max(0, ...tracks.map(({ lostGroups }) => lostGroups)),
    };
  }

  /** What `broadcast.json` says of it now. */
  get record(): BroadcastRecord {
    const { ladder } = this.#record;
    return { ...this.facts, ...(ladder === undefined ? {} : { ladder }) };
  }

  get isRecording(): boolean {
    return this.#record.isRecording;
  }

  get queuedBytes(): number {
    return this.#queue.queued.bytes;
  }

  get openFiles(): number {
    return this.#options.files.openFiles;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** It is, or is again, on air: from now on it is written. */
  begin(): void {
    if (this.#state === 'idle') {
      const { endedAt: _, ...record } = this.#record;
      this.#record = { ...record, state: 'open' };
      this.#state = 'on';
      this.#queue.add({
        bytes: 0,
        run: async () => {
          this.#options.admit(this, 0);
          await this.#options.files.begin(this.record);
          if (!(await this.#options.files.repair())) {
            throw Object.assign(new Error('files of the broadcast are missing'), { code: 'ENOENT' });
          }
        },
      });
    }
  }

  /** The track of a name, made where it is new. */
  track(name: TrackName, kind: 'video' | 'audio'): KeptTrack {
    let track = this.#tracks.get(name);
    if (track === undefined) {
      track = new KeptTrack(name, kind, this.folder, this.#options.reading);
      this.#tracks.set(name, track);
    }
    return track;
  }

  /** A configuration is in force on a track. */
  addInit(track: KeptTrack, { config, trackConfig, bytes }: InitSegment): void {
    track.addInit(config, trackConfig, bytes);
  }

  /** A segment of a track is whole. Dropped and counted where the disk does not keep up, or nothing can be kept. */
  addSegment(track: KeptTrack, segment: Segment): void {
    const { metrics, clock } = this.#options;
    if (segment.group <= (track.newest?.group ?? -1)) {
      // Kept before a restart, and told again from the backlog.
      return;
    }
    if (this.#state !== 'on') {
      metrics.lost('off');
      return;
    }
    if (this.#queue.queued.bytes + segment.bytes > MAX_QUEUED_BYTES) {
      metrics.lost('slow');
      if (this.#troubles.slow(clock())) {
        this.#options.log.warn({ broadcast: this.#record.id, stream: this.#record.stream }, 'the disk does not keep up: seconds are missing from rewind and recording');
      }
      return;
    }
    const files = this.#filesOf(track);
    const volume = this.#volumeFor(track, files, segment);
    if (volume === undefined) {
      return;
    }
    const { group, epoch, pts, dts, ticks, wallTime, bytes } = segment;
    const [first] = segment.parts;
    const place = { volume, offset: track.volumes.get(volume)?.end ?? 0, moof: first === undefined ? 0 : moofOffset(first.bytes), key: first?.independent ?? false };
    const kept = track.apply({ is: 'segment', segment: { group, epoch, pts, dts, ticks, wallTime, bytes, ...place } });
    if (kept === undefined) {
      return;
    }
    const parts = segment.parts.map((part) => part.bytes);
    track.queue(kept, parts);
    this.#queue.add({
      bytes,
      run: async () => {
        this.#options.admit(this, bytes);
        await files.append(kept, parts);
        track.written(kept);
        metrics.written(bytes);
      },
    });
    this.#addEvents(segment.parts.flatMap((part) => part.events ?? []));
    this.#slide();
    this.#changed();
  }

  /** How it does, for whoever broadcasts. */
  health(now: WallTime): ArchiveHealth {
    const { isRecording } = this.#record;
    const { rewind } = this.#options.bounds;
    const { off } = this.#troubles;
    const tracks = [...this.#tracks.values()].filter(({ segments }) => segments.length > 0);
    const oldest = Math.min(...tracks.map(({ segments: [first] }) => (first === undefined ? 0 : ticksToMillis(first.pts, first.timescale))));
    const newest = Math.max(...tracks.map(({ newest: last }) => (last === undefined ? 0 : ticksToMillis(last.pts, last.timescale))));
    return {
      rewind: this.#state === 'on' && tracks.length > 0 ? millis(Math.min(rewind, newest - oldest)) : millis(0),
      ...(rewind > 0 && off !== undefined ? { rewindOff: off.message } : {}),
      recording: isRecording && this.#state === 'on',
      bytes: this.facts.bytes,
      warnings: this.#troubles.warnings(now),
    };
  }

  /** Does what is due. Called about once a second. */
  async tick(now: WallTime): Promise<void> {
    if (this.#state === 'off' && this.#retryAt !== undefined && elapsed(this.#retryAt, now) >= 0) {
      this.#retryAt = undefined;
      await this.#turnOn();
    } else if (this.#state === 'on' && !this.#isSyncing && elapsed(this.#syncedAt, now) >= SYNC_INTERVAL) {
      this.#isSyncing = true;
      this.#queue.add({
        bytes: 0,
        run: async () => {
          await this.#options.files.sync();
          this.#syncedAt = this.#options.clock();
          this.#isSyncing = false;
        },
      });
    }
  }

  /** Settles when all that waits is written, or cannot be. */
  async flush(): Promise<void> {
    await this.#queue.idle();
  }

  /** Closes its files: it may go on later, here or after a restart. Settles when what waited is written. */
  async pause(): Promise<void> {
    await this.#queue.idle();
    this.#state = 'idle';
    this.#current.clear();
    await this.#options.files.close();
  }

  /** The broadcast is over: a recording gets what players on a desk seek by. Throws what the disk throws; it is then mended at the next start. */
  async finish(endedAt: WallTime): Promise<void> {
    await this.#queue.idle();
    if (this.#state === 'off') {
      await this.#turnOn();
    }
    await this.pause();
    const { files, metrics } = this.#options;
    const hasMedia = [...this.#tracks.values()].some(({ segments }) => segments.length > 0);
    this.#record = { ...this.#record, endedAt, state: hasMedia ? 'finished' : 'damaged' };
    if (this.#record.isRecording) {
      try {
        for (const track of this.#tracks.values()) {
          for (const { number, until, finishedBytes } of track.volumes.values()) {
            if (until !== undefined && finishedBytes === undefined) {
              metrics.written(await this.#finishVolume(track, number));
            }
          }
        }
        await files.writeRecord(this.record);
      } finally {
        await files.close();
      }
    }
    this.#changed();
  }

  #filesOf(track: KeptTrack): TrackFiles {
    const { id, stream, startedAt, isRecording } = this.#record;
    const head: IndexHead = { broadcast: id, stream, startedAt, isRecording, track: track.track, kind: track.kind };
    return this.#options.files.track(head);
  }

  /** The volume that a segment goes to: a new one for a new configuration, and for each minute of what is not recorded. */
  #volumeFor(track: KeptTrack, files: TrackFiles, segment: Segment): number | undefined {
    const { isRecording } = this.#record;
    const current = this.#current.get(track);
    const at = ticksToMillis(segment.pts, segment.timescale);
    if (current !== undefined && track.volumes.get(current.volume)?.config === segment.config && (isRecording || at - current.since < VOLUME_SPAN)) {
      return current.volume;
    }
    const trackConfig = track.config(segment.config);
    const init = track.init(segment.config);
    if (trackConfig === undefined || init === undefined) {
      return undefined;
    }
    const volume = track.nextVolume;
    const line = { is: 'volume', volume, config: segment.config, trackConfig, initBytes: init.length } as const;
    track.apply(line);
    this.#current.set(track, { volume, since: at });
    this.#queue.add({
      bytes: 0,
      run: async () => {
        this.#options.admit(this, init.length);
        if (isRecording && current !== undefined) {
          await this.#finishVolume(track, current.volume);
        }
        await files.begin(line, init);
      },
    });
    return volume;
  }

  async #finishVolume(track: KeptTrack, volume: number): Promise<number> {
    const bytes = mfra(track.segments.filter((segment) => segment.volume === volume));
    await this.#filesOf(track).finish(volume, bytes);
    const end = track.volumes.get(volume)?.end;
    if (end !== undefined) {
      track.apply({ is: 'finished', volume, bytes: end + bytes.length });
    }
    return bytes.length;
  }

  #addEvents(given: readonly TimedEvent[]): void {
    const { events } = this.#options.files;
    const added = given.filter((event) => events.add(event));
    if (added.length > 0) {
      this.#queue.add({ bytes: 0, run: () => events.write(added) });
    }
  }

  /** Lets go of what left the window. A recording keeps all. */
  #slide(): void {
    if (this.#record.isRecording) {
      return;
    }
    const tracks = [...this.#tracks.values()];
    const outside = outsideWindow(tracks, this.#options.bounds, ({ track, volume }) => this.#current.get(track)?.volume === volume.number);
    for (const { track, volume } of outside) {
      if (this.#current.get(track)?.volume === volume.number) {
        this.#current.delete(track);
      }
      track.dropVolume(volume.number);
      const files = this.#filesOf(track);
      this.#queue.add({ bytes: 0, run: () => files.drop(volume.number, () => track.lines()) });
    }
    if (outside.length > 0) {
      const oldest = Math.min(...tracks.flatMap(({ segments: [first] }) => (first === undefined ? [] : ticksToMillis(first.pts, first.timescale))));
      this.#options.files.events.forgetBefore(millis(oldest));
    }
  }

  #turnOff(error: unknown): void {
    const { log, clock, metrics } = this.#options;
    const now = clock();
    const before = this.#troubles.off;
    this.#troubles.turnOff(error, now);
    this.#state = 'off';
    this.#retryAt = later(now, RETRY_INTERVAL);
    this.#isSyncing = false;
    this.#current.clear();
    for (const track of this.#tracks.values()) {
      metrics.lost('failed', track.dropQueued());
    }
    if (before === undefined) {
      log.error({ broadcast: this.#record.id, stream: this.#record.stream, folder: this.folder, err: error, code: troubleOf(error) }, 'nothing is kept of the broadcast for now; live goes on');
    }
    this.#changed();
  }

  /** Goes on where the disk lets us: behind what was written, or anew where that is gone. */
  async #turnOn(): Promise<void> {
    const { files, reading, log } = this.#options;
    try {
      this.#options.admit(this, 0);
      if (!(await files.repair())) {
        this.#tracks.forEach((track) => track.clear());
        reading.forget(this.folder);
        await files.reset();
      }
      await files.begin(this.record);
      this.#state = 'on';
      this.#troubles.turnOn();
      log.info({ broadcast: this.#record.id, stream: this.#record.stream }, 'the broadcast is kept again');
      this.#changed();
    } catch (error) {
      this.#turnOff(error);
    }
  }

  #changed(): void {
    [...this.#listeners].forEach((listener) => listener());
  }
}
