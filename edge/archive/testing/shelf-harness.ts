import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { pino } from 'pino';
import { Registry } from 'prom-client';

import { createLocalBus } from '#core/bus/local/local-bus.ts';
import type { ArchiveHealth, BroadcastInfo, LadderCatalog } from '#core/bus/catalog.ts';
import { broadcastId, type Frame } from '#core/media/frame.ts';
import { millis, wallTime, type WallTime } from '#core/media/time.ts';
import { trackName, type TrackName } from '#core/media/track.ts';

import { Packager } from '../../cmaf/packager.ts';
import { PackagerLog, segmentBytes, videoConfig, videoGroup } from '../../cmaf/testing/frames.ts';
import type { PackagerEvents, Segment } from '../../cmaf/segment.ts';
import type { BroadcastKeeper } from '../archive.ts';
import type { Disk } from '../disk/disk.ts';
import { systemDisk } from '../disk/system-disk.ts';
import { ArchiveMetrics } from '../metrics.ts';
import { Shelf, type ShelfOptions } from '../shelf.ts';
import { Space } from '../space.ts';

/** A minute of 2026, at which tests begin. */
export const START = wallTime(1_790_000_000_000);

/** What is said of the broadcast of tests. */
export const info: BroadcastInfo = { stream: 'demo', broadcast: broadcastId('testtest1'), epoch: 0, state: 'live', startedAt: START };

/** A ladder of one rendition. */
export const ladder: LadderCatalog = {
  stream: 'demo',
  broadcast: info.broadcast,
  epoch: 0,
  fence: 1,
  revision: 1,
  partTarget: millis(200),
  renditions: [{ track: trackName('video'), label: '360p', faces: ['hls'], mode: 'passthrough', reason: 'test', config: videoConfig, bandwidth: 1000, averageBandwidth: 900 }],
  omitted: [],
};

/** What tests set of a shelf. */
export type HarnessOptions = { readonly rewind?: number; readonly isRecorded?: boolean } & Partial<Omit<ShelfOptions, 'keeping' | 'metrics'>> & {
    readonly minFree?: number;
    /** Puts something between the archive and the disk. */
    readonly wrap?: (disk: Disk) => Disk;
  };

/** An archive in a folder of its own, on a clock that is moved by hand. */
export class ShelfHarness {
  readonly home: string;
  readonly bus = createLocalBus();
  readonly registry = new Registry();
  readonly shelf: Shelf;
  readonly #time: { now: WallTime };

  private constructor(home: string, time: { now: WallTime }, options: HarnessOptions) {
    const { rewind = 7200, isRecorded = true, minFree = 0, wrap = (disk: Disk) => disk, ...rest } = options;
    this.home = home;
    this.#time = time;
    const disk = wrap(rest.disk ?? systemDisk());
    this.shelf = new Shelf({
      folder: this.folder,
      space: new Space(disk, this.folder, minFree),
      bus: this.bus,
      keeping: () => ({ rewind: millis(rewind * 1000), isRecorded }),
      rewindMaxBytes: 1e12,
      retention: { days: 0, bytes: 1e12 },
      metrics: (gauges) => new ArchiveMetrics(this.registry, gauges),
      log: pino({ level: 'silent' }),
      clock: () => time.now,
      ...rest,
      disk,
    });
  }

  /** Opens an archive in a new folder, or in that of another harness: a restart. */
  static async open(options: HarnessOptions = {}, before?: ShelfHarness): Promise<ShelfHarness> {
    const home = before?.home ?? (await mkdtemp(join(tmpdir(), 'millrace-archive-')));
    const harness = new ShelfHarness(home, before === undefined ? { now: START } : { now: before.now }, options);
    await harness.shelf.scanned;
    return harness;
  }

  get folder(): string {
    return join(this.home, 'archive');
  }

  /** Folder of the broadcast of tests. */
  get broadcastFolder(): string {
    return join(this.folder, info.broadcast);
  }

  get now(): WallTime {
    return this.#time.now;
  }

  set now(now: WallTime) {
    this.#time.now = now;
  }

  /** Lets so many seconds pass, tick by tick. */
  async pass(seconds: number): Promise<void> {
    for (let second = 0; second < seconds; second++) {
      this.now = wallTime(this.now + 1000);
      await this.shelf.tick();
      await this.settle();
    }
  }

  /** Settles when nothing waits for the disk. */
  async settle(): Promise<void> {
    await this.shelf.flush();
  }

  /** Keeps the broadcast of tests. */
  async keep(change: Partial<BroadcastInfo> = {}): Promise<KeptTestTrack> {
    const keeper = this.shelf.keep({ ...info, ...change });
    const track = new KeptTestTrack(keeper);
    keeper.ladder = ladder;
    await this.settle();
    return track;
  }

  /** The newest health that was told. */
  health(): ArchiveHealth | undefined {
    let found: ArchiveHealth | undefined;
    this.bus.onCatalog(info.broadcast, 'archive', (health) => (found = health))();
    return found;
  }

  async close(): Promise<void> {
    await this.shelf.close();
    await this.bus.close();
  }

  async remove(): Promise<void> {
    await this.close();
    await rm(this.home, { recursive: true, force: true });
  }
}

/** A track that is packaged and kept; what live viewers had of it is noted. */
export class KeptTestTrack {
  readonly keeper: BroadcastKeeper;
  readonly live = new PackagerLog();
  readonly #packager: Packager;

  constructor(keeper: BroadcastKeeper, name: TrackName = trackName('video'), kind: 'video' | 'audio' = 'video') {
    this.keeper = keeper;
    this.#packager = new Packager(both(this.live, keeper.track(name, kind)));
  }

  push(frames: readonly Frame[]): void {
    frames.forEach((frame) => this.#packager.push(frame));
  }

  /** Whole groups of a second, and the first frame of the next, which ends the last. */
  groups(from: number, to: number, fields: Parameters<typeof videoGroup>[1] = {}): void {
    for (let group = from; group <= to; group++) {
      this.push(videoGroup(group, fields));
    }
    this.push(videoGroup(to + 1, fields, 1));
  }

  finish(): void {
    this.#packager.finish();
  }

  /** What live viewers had of a group. */
  bytes(group: number): Buffer {
    return Buffer.from(segmentBytes(this.live.segments.get(group)!));
  }
}

function both(...all: readonly PackagerEvents[]): PackagerEvents {
  return {
    init: (init) => all.forEach((events) => events.init(init)),
    part: (segment, part) => all.forEach((events) => events.part(segment, part)),
    segment: (segment: Segment) => all.forEach((events) => events.segment(segment)),
    gap: (epoch, from, to) => all.forEach((events) => events.gap(epoch, from, to)),
  };
}
