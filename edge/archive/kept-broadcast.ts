import type { ArchiveHealth, LadderCatalog } from '#core/bus/catalog.ts';
import { elapsed, millis, ticksToMillis, type Clock, type Millis, type WallTime } from '#core/media/time.ts';
import type { TimedEvent } from '#core/media/timed-event.ts';
import type { TrackName } from '#core/media/track.ts';
import type { Logger } from '#core/runtime/log.ts';

import type { InitSegment, Segment } from '../cmaf/segment.ts';
import type { ArchivedBroadcast, ArchivedFacts } from './archive.ts';
import type { BroadcastFiles } from './disk/broadcast-files.ts';
import type { OpenFiles } from './disk/open-files.ts';
import { WriteQueue } from './disk/write-queue.ts';
import type { BroadcastRecord } from './format/broadcast-file.ts';
import { archiveHealth } from './health.ts';
import { KeptTrack } from './kept-track.ts';
import type { ArchiveMetrics } from './metrics.ts';
import { TrackRecorder } from './track-recorder.ts';
import { troubleOf, Troubles } from './trouble.ts';
import { outsideWindow, type WindowBounds } from './window.ts';

/** Bytes of segments that wait for the disk, of one broadcast. For some seconds the live window holds the same bytes anyway. */
export const MAX_QUEUED_BYTES = 48 * 1024 * 1024;

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

/**
 * One broadcast in the archive. What is told of it goes into memory at once, and to disk when its turn comes; readers cannot tell which. A disk that fails
 * turns it off: what had not been written is lost, and it is tried again every ten seconds.
 */
export class KeptBroadcast implements ArchivedBroadcast {
  readonly #options: KeptOptions;
  readonly #tracks = new Map<TrackName, KeptTrack>();
  readonly #recorders = new Map<TrackName, TrackRecorder>();
  readonly #queue = new WriteQueue((error) => this.#turnOff(error));
  readonly #troubles = new Troubles();
  readonly #listeners = new Set<() => void>();
  #record: BroadcastRecord;
  #state: 'idle' | 'on' | 'off' = 'idle';
  #failedAt: WallTime | undefined;
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
    // Who went back may watch to the end, and is told of it, while the broadcast is still at hand.
    return this.#state === 'on' || this.#record.state === 'finished' ? this.#options.bounds.rewind : millis(0);
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
          await this.#repair();
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
    const recorder = this.#recorderOf(track);
    const before = recorder.current;
    if (!recorder.add(segment)) {
      return;
    }
    if (recorder.current !== before) {
      this.#slide();
    }
    this.#addEvents(segment.parts.flatMap((part) => part.events ?? []));
    this.#changed();
  }

  /** How it does, for whoever broadcasts. */
  health(now: WallTime): ArchiveHealth {
    const { isRecording } = this.#record;
    return archiveHealth({ tracks: [...this.#tracks.values()], rewind: this.#options.bounds.rewind, isOn: this.#state === 'on', isRecording, bytes: this.facts.bytes, troubles: this.#troubles }, now);
  }

  /** Does what is due. Called about once a second. */
  async tick(now: WallTime): Promise<void> {
    if (this.#state === 'off' && this.#failedAt !== undefined && isOver(RETRY_INTERVAL, this.#failedAt, now)) {
      this.#failedAt = undefined;
      await this.#turnOn();
    } else if (this.#state === 'on' && !this.#isSyncing && isOver(SYNC_INTERVAL, this.#syncedAt, now)) {
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
    this.#recorders.forEach((recorder) => recorder.stop());
    await this.#options.files.close();
  }

  /** The broadcast is over: a recording gets what players on a desk seek by. Throws what the disk throws; it is then mended at the next start. */
  async finish(endedAt: WallTime): Promise<void> {
    await this.#queue.idle();
    if (this.#state === 'off') {
      await this.#turnOn();
    }
    const { files } = this.#options;
    const hasMedia = [...this.#tracks.values()].some(({ segments }) => segments.length > 0);
    this.#record = { ...this.#record, endedAt, state: hasMedia ? 'finished' : 'damaged' };
    await this.pause();
    if (this.#record.isRecording) {
      try {
        for (const track of this.#tracks.values()) {
          await this.#recorderOf(track).finish();
        }
        await files.writeRecord(this.record);
      } finally {
        await files.close();
      }
    }
    this.#changed();
  }

  #recorderOf(track: KeptTrack): TrackRecorder {
    let recorder = this.#recorders.get(track.track);
    if (recorder === undefined) {
      const { id, stream, startedAt, isRecording } = this.#record;
      const { files, metrics } = this.#options;
      recorder = new TrackRecorder({
        track,
        files: files.track({ broadcast: id, stream, startedAt, isRecording, track: track.track, kind: track.kind }),
        queue: this.#queue,
        isRecording,
        admit: (bytes) => this.#options.admit(this, bytes),
        metrics,
      });
      this.#recorders.set(track.track, recorder);
    }
    return recorder;
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
    const outside = outsideWindow(tracks, this.#options.bounds, ({ track, volume }) => this.#recorders.get(track.track)?.current === volume.number);
    for (const { track, volume } of outside) {
      this.#recorderOf(track).drop(volume.number);
    }
    if (outside.length > 0) {
      const oldest = Math.min(...tracks.flatMap(({ segments: [first] }) => (first === undefined ? [] : ticksToMillis(first.pts, first.timescale))));
      const { events } = this.#options.files;
      events.forgetBefore(millis(oldest));
      this.#queue.add({ bytes: 0, run: () => events.compact() });
    }
  }

  #turnOff(error: unknown): void {
    const { log, clock, metrics } = this.#options;
    const now = clock();
    const before = this.#troubles.off;
    this.#troubles.turnOff(error, now);
    this.#state = 'off';
    this.#failedAt = now;
    this.#isSyncing = false;
    this.#recorders.forEach((recorder) => recorder.stop());
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
    const { files, log } = this.#options;
    try {
      this.#options.admit(this, 0);
      await this.#repair();
      await files.begin(this.record);
      this.#state = 'on';
      this.#troubles.turnOn();
      log.info({ broadcast: this.#record.id, stream: this.#record.stream }, 'the broadcast is kept again');
      this.#changed();
    } catch (error) {
      this.#turnOff(error);
    }
  }

  /** Cuts off what was not written whole, and lets go of what somebody took away. */
  async #repair(): Promise<void> {
    const { files, reading } = this.#options;
    reading.forget(this.folder);
    for (const [name, gone] of await files.repair()) {
      const track = this.#tracks.get(name);
      if (gone === 'all') {
        track?.clear();
      } else {
        gone.forEach((volume) => track?.dropVolume(volume));
      }
    }
  }

  #changed(): void {
    [...this.#listeners].forEach((listener) => listener());
  }
}

/** Whether so much time has passed. A clock that was put back counts as if it had: nobody waits for the hour to come again. */
function isOver(span: Millis, since: WallTime, now: WallTime): boolean {
  const passed = elapsed(since, now);
  return passed >= span || passed < 0;
}
