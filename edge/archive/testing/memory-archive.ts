import type { BroadcastInfo, LadderCatalog, StreamName } from '#core/bus/catalog.ts';
import type { BroadcastId, Frame } from '#core/media/frame.ts';
import { later, millis, type Millis } from '#core/media/time.ts';
import type { TimedEvent } from '#core/media/timed-event.ts';
import type { ConfigId, TrackConfig, TrackName } from '#core/media/track.ts';
import { MillraceError } from '#core/runtime/errors.ts';

import { Packager } from '../../cmaf/packager.ts';
import type { InitSegment, PackagerEvents, Segment } from '../../cmaf/segment.ts';
import type { Archive, ArchivedBroadcast, ArchivedFacts, ArchivedSegment, ArchivedTrack, BroadcastKeeper } from '../archive.ts';

/** An archive for tests that keeps everything in memory. */
export class MemoryArchive implements Archive {
  readonly broadcasts = new Map<BroadcastId, MemoryBroadcast>();

  keep(info: BroadcastInfo): MemoryBroadcast {
    let broadcast = this.broadcasts.get(info.broadcast);
    if (broadcast === undefined) {
      broadcast = new MemoryBroadcast(info);
      this.broadcasts.set(info.broadcast, broadcast);
    }
    return broadcast;
  }

  find(id: BroadcastId): Promise<ArchivedBroadcast | undefined> {
    return Promise.resolve(this.broadcasts.get(id));
  }

  open(id: BroadcastId): ArchivedBroadcast | undefined {
    const found = this.broadcasts.get(id);
    return found?.facts.state === 'open' ? found : undefined;
  }

  recordings(stream?: StreamName): readonly ArchivedFacts[] {
    const all = [...this.broadcasts.values()].map(({ facts }) => facts).filter((facts) => facts.isRecording && (stream === undefined || facts.stream === stream));
    return all.sort((a, b) => b.startedAt - a.startedAt);
  }

  remove(id: BroadcastId): Promise<void> {
    const found = this.broadcasts.get(id);
    if (found === undefined || !found.facts.isRecording) {
      return Promise.reject(new MillraceError('recording/unknown', 'There is no recording of this id.'));
    }
    if (found.facts.state === 'open') {
      return Promise.reject(new MillraceError('recording/in-progress', 'The broadcast goes on.'));
    }
    this.broadcasts.delete(id);
    found.tracks.forEach((track) => track.forget());
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** A broadcast in memory: keeper and kept in one. */
export class MemoryBroadcast implements BroadcastKeeper, ArchivedBroadcast {
  readonly tracks = new Map<TrackName, MemoryTrack>();
  readonly events: TimedEvent[] = [];
  /** There is none: nothing can be noted there. */
  readonly folder = '/nonexistent';
  rewind: Millis = millis(7_200_000);
  isRecording = true;
  state: ArchivedFacts['state'] = 'open';
  info: BroadcastInfo;
  ladder!: LadderCatalog;
  readonly #listeners = new Set<() => void>();

  constructor(info: BroadcastInfo) {
    this.info = info;
  }

  get facts(): ArchivedFacts {
    const tracks = [...this.tracks.values()];
    const duration = Math.max(0, ...tracks.map(({ segments }) => segments.reduce((sum, { ticks, timescale }) => sum + (ticks * 1000) / timescale, 0)));
    return {
      id: this.info.broadcast,
      stream: this.info.stream,
      startedAt: this.info.startedAt,
      ...(this.state === 'open' ? {} : { endedAt: later(this.info.startedAt, millis(duration)) }),
      isRecording: this.isRecording,
      state: this.state,
      bytes: tracks.reduce((sum, { segments }) => sum + segments.reduce((bytes, segment) => bytes + segment.bytes, 0), 0),
      duration,
      lostGroups: 0,
    };
  }

  onKeeping(listener: (isKeeping: boolean) => void): void {
    listener(true);
  }

  track(track: TrackName, kind: 'video' | 'audio'): PackagerEvents {
    let known = this.tracks.get(track);
    if (known === undefined) {
      known = new MemoryTrack(track, kind, () => this.#changed());
      this.tracks.set(track, known);
    }
    return known;
  }

  end(): Promise<void> {
    this.state = 'finished';
    this.#changed();
    return Promise.resolve();
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Packages frames of any tracks and keeps what comes of them. */
  package(frames: readonly Frame[]): void {
    for (const [track, own] of Map.groupBy(frames, (frame) => frame.track)) {
      const packager = new Packager(this.track(track, own[0]?.head?.config.kind ?? 'video'));
      own.forEach((frame) => packager.push(frame));
      packager.finish();
    }
  }

  #changed(): void {
    this.#listeners.forEach((listener) => listener());
  }
}

/** A track in memory. */
export class MemoryTrack implements ArchivedTrack, PackagerEvents {
  readonly track: TrackName;
  readonly kind: 'video' | 'audio';
  readonly segments: ArchivedSegment[] = [];
  /** Calls of `read` and `readSlice`, and the bytes they gave. */
  reads = { calls: 0, bytes: 0 };
  readonly #bytes = new Map<number, Buffer>();
  readonly #inits = new Map<ConfigId, InitSegment>();
  readonly #changed: () => void;

  constructor(track: TrackName, kind: 'video' | 'audio', changed: () => void) {
    this.track = track;
    this.kind = kind;
    this.#changed = changed;
  }

  segmentOf(group: number): ArchivedSegment | undefined {
    return this.segments.find((segment) => segment.group === group);
  }

  config(config: ConfigId): TrackConfig | undefined {
    return this.#inits.get(config)?.trackConfig;
  }

  init(init: InitSegment): void;
  init(config: ConfigId): Uint8Array | undefined;
  init(of: InitSegment | ConfigId): Uint8Array | undefined {
    if (typeof of !== 'string') {
      this.#inits.set(of.config, of);
      return undefined;
    }
    return this.#inits.get(of)?.bytes;
  }

  part(): void {}

  segment({ group, epoch, config, timescale, pts, dts, ticks, wallTime, bytes, parts }: Segment): void {
    this.#bytes.set(group, Buffer.concat(parts.map((part) => part.bytes)));
    this.segments.push({ group, epoch, config, timescale, pts, dts, ticks, wallTime, bytes, volume: 0, offset: 0 });
    this.#changed();
  }

  gap(): void {}

  read(segment: ArchivedSegment): Promise<Buffer | undefined> {
    return this.readSlice(segment, 0, Infinity);
  }

  readSlice({ group }: ArchivedSegment, offset: number, length: number): Promise<Buffer | undefined> {
    const bytes = this.#bytes.get(group)?.subarray(offset, offset + length);
    this.reads = { calls: this.reads.calls + 1, bytes: this.reads.bytes + (bytes?.length ?? 0) };
    return Promise.resolve(bytes);
  }

  /** Loses a group, as a slow disk does. */
  lose(group: number): void {
    this.#bytes.delete(group);
    this.segments.splice(this.segments.findIndex((segment) => segment.group === group), 1);
  }

  /** The files are gone; who holds the track still knows what it had. */
  forget(): void {
    this.#bytes.clear();
  }

  /** The window slides: the oldest segments leave it. */
  slide(to: number): void {
    while (this.segments[0] !== undefined && this.segments[0].group < to) {
      this.#bytes.delete(this.segments[0].group);
      this.segments.shift();
    }
  }
}
