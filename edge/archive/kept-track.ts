import { join } from 'node:path';

import { addTicks, ticksToMillis, type Millis } from '#core/media/time.ts';
import type { ConfigId, TrackConfig, TrackName } from '#core/media/track.ts';

import type { ArchivedSegment, ArchivedTrack } from './archive.ts';
import type { OpenFiles } from './disk/open-files.ts';
import type { IndexLine, KeptSegment } from './format/index-line.ts';
import { volumeFile } from './format/names.ts';

/** A file of a track: an init segment, then segments. */
export type Volume = {
  readonly number: number;
  readonly config: ConfigId;
  readonly trackConfig: TrackConfig;
  readonly initBytes: number;
  /** Up to the end of its last segment. */
  end: number;
  /** Where its last segment ends on the timeline; undefined where it has none. */
  until?: Millis;
  /** All of the file once it has its `mfra`. */
  finishedBytes?: number;
};

/** A track's index in memory: what its lines say, whether they were just made or read from disk. */
export class KeptTrack implements ArchivedTrack {
  readonly track: TrackName;
  readonly kind: 'video' | 'audio';
  readonly segments: KeptSegment[] = [];
  readonly volumes = new Map<number, Volume>();
  readonly #inits = new Map<ConfigId, { readonly trackConfig: TrackConfig; readonly bytes: Uint8Array }>();
  /** Bytes of segments that are not on disk yet. */
  readonly #queued = new Map<KeptSegment, readonly Uint8Array[]>();
  readonly #folder: string;
  readonly #files: OpenFiles;
  #nextVolume = 0;
  #lost = 0;
  #duration = 0;
  #bytes = 0;

  constructor(track: TrackName, kind: 'video' | 'audio', folder: string, files: OpenFiles) {
    this.track = track;
    this.kind = kind;
    this.#folder = folder;
    this.#files = files;
  }

  get newest(): KeptSegment | undefined {
    return this.segments.at(-1);
  }

  /** Groups that are missing between two segments of one epoch. */
  get lostGroups(): number {
    return this.#lost;
  }

  /** Of all segments, gaps not counted. */
  get duration(): Millis {
    return this.#duration as Millis;
  }

  /** Of its volumes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** A number that no volume of this track ever had. */
  get nextVolume(): number {
    return this.#nextVolume;
  }

  segmentOf(group: number): KeptSegment | undefined {
    let from = 0;
    let to = this.segments.length;
    while (from < to) {
      const middle = (from + to) >>> 1;
      const segment = this.segments[middle]!;
      if (segment.group === group) {
        return segment;
      }
      if (segment.group < group) {
        from = middle + 1;
      } else {
        to = middle;
      }
    }
    return undefined;
  }

  config(config: ConfigId): TrackConfig | undefined {
    return this.#inits.get(config)?.trackConfig;
  }

  init(config: ConfigId): Uint8Array | undefined {
    return this.#inits.get(config)?.bytes;
  }

  /** Makes an init segment known. */
  addInit(config: ConfigId, trackConfig: TrackConfig, bytes: Uint8Array): void {
    this.#inits.set(config, { trackConfig, bytes });
  }

  read(segment: ArchivedSegment): Promise<Buffer | undefined> {
    return this.readSlice(segment, 0, segment.bytes);
  }

  async readSlice(segment: ArchivedSegment, offset: number, length: number): Promise<Buffer | undefined> {
    const from = Math.min(offset, segment.bytes);
    const to = Math.min(from + length, segment.bytes);
    const queued = this.#queued.get(segment as KeptSegment);
    if (queued !== undefined) {
      return Buffer.concat(queued).subarray(from, to);
    }
    return this.segmentOf(segment.group) === segment
      ? this.#files.read(join(this.#folder, volumeFile(this.track, segment.volume)), segment.offset + from, to - from)
      : undefined;
  }

  /**
   * Takes what a line says. A segment that does not fit behind the ones before, or names a volume that is not known, is left out.
   *
   * @returns the segment that was added.
   */
  apply(line: IndexLine): KeptSegment | undefined {
    switch (line.is) {
      case 'head':
        return undefined;
      case 'volume': {
        const { volume: number, config, trackConfig, initBytes } = line;
        this.#nextVolume = Math.max(this.#nextVolume, number + 1);
        if (!this.volumes.has(number)) {
          this.volumes.set(number, { number, config, trackConfig, initBytes, end: initBytes });
          this.#bytes += initBytes;
        }
        return undefined;
      }
      case 'segment':
        return this.#append(line.segment);
      case 'finished': {
        const volume = this.volumes.get(line.volume);
        if (volume !== undefined && line.bytes >= volume.end) {
          this.#bytes += line.bytes - (volume.finishedBytes ?? volume.end);
          volume.finishedBytes = line.bytes;
        }
        return undefined;
      }
      case 'dropped':
        this.dropVolume(line.volume);
        return undefined;
    }
  }

  /** A volume's file is not what its line says: it is without `mfra`. */
  unfinish(volume: Volume): void {
    if (volume.finishedBytes !== undefined) {
      this.#bytes -= volume.finishedBytes - volume.end;
      delete volume.finishedBytes;
    }
  }

  /** Holds a segment's bytes for readers until {@link KeptTrack.written}. */
  queue(segment: KeptSegment, bytes: readonly Uint8Array[]): void {
    this.#queued.set(segment, bytes);
  }

  /** A segment is on disk. */
  written(segment: KeptSegment): void {
    this.#queued.delete(segment);
  }

  /** Takes out what never got to disk; returns how many segments that were. */
  dropQueued(): number {
    const count = this.#queued.size;
    this.keepOnly((segment) => !this.#queued.has(segment));
    this.#queued.clear();
    return count;
  }

  /** Takes out segments; volumes end with the last one that stays. */
  keepOnly(stays: (segment: KeptSegment) => boolean): void {
    const kept = this.segments.filter(stays);
    if (kept.length === this.segments.length) {
      return;
    }
    const before = [...this.volumes.values()].map((volume) => ({ volume, end: volume.end, finishedBytes: volume.finishedBytes }));
    this.segments.length = 0;
    this.#lost = 0;
    this.#duration = 0;
    this.#bytes = 0;
    for (const { volume } of before) {
      delete volume.finishedBytes;
      delete volume.until;
      volume.end = volume.initBytes;
      this.#bytes += volume.initBytes;
    }
    kept.forEach((segment) => this.#append(segment));
    for (const { volume, end, finishedBytes } of before) {
      if (finishedBytes !== undefined && volume.end === end) {
        this.apply({ is: 'finished', volume: volume.number, bytes: finishedBytes });
      }
    }
  }

  /** Takes out a volume with all its segments: the oldest, or one that cannot be read. */
  dropVolume(number: number): void {
    const volume = this.volumes.get(number);
    if (volume !== undefined) {
      this.volumes.delete(number);
      this.#bytes -= volume.finishedBytes ?? volume.end;
      const from = this.segments.findIndex((segment) => segment.volume === number);
      if (from >= 0) {
        const after = this.segments.findIndex((segment, index) => index > from && segment.volume !== number);
        const gone = this.segments.splice(from, (after < 0 ? this.segments.length : after) - from);
        this.#duration -= gone.reduce((sum, { ticks, timescale }) => sum + ticksToMillis(ticks, timescale), 0);
        gone.forEach((segment) => this.#queued.delete(segment));
      }
    }
  }

  /** Lines of an index that says what this one knows. */
  lines(): IndexLine[] {
    const lines: IndexLine[] = [];
    let at = 0;
    for (const { number, config, trackConfig, initBytes, finishedBytes } of this.volumes.values()) {
      lines.push({ is: 'volume', volume: number, config, trackConfig, initBytes });
      for (let segment = this.segments[at]; segment?.volume === number && !this.#queued.has(segment); segment = this.segments[++at]) {
        lines.push({ is: 'segment', segment });
      }
      if (finishedBytes !== undefined) {
        lines.push({ is: 'finished', volume: number, bytes: finishedBytes });
      }
    }
    return lines;
  }

  /** The files are gone. Numbers of volumes go on. */
  clear(): void {
    this.segments.length = 0;
    this.volumes.clear();
    this.#queued.clear();
    this.#lost = 0;
    this.#duration = 0;
    this.#bytes = 0;
  }

  #append(given: Omit<KeptSegment, 'config' | 'timescale'>): KeptSegment | undefined {
    const volume = this.volumes.get(given.volume);
    const before = this.newest;
    if (volume === undefined || given.offset < volume.end || (before !== undefined && (given.group <= before.group || given.epoch < before.epoch))) {
      return undefined;
    }
    const { config, trackConfig } = volume;
    const { group, epoch, pts, dts, ticks, wallTime, bytes, offset, moof, key } = given;
    const segment: KeptSegment = { group, epoch, config, timescale: trackConfig.timescale, pts, dts, ticks, wallTime, bytes, volume: volume.number, offset, moof, key };
    if (before !== undefined && before.epoch === epoch) {
      this.#lost += group - before.group - 1;
    }
    this.segments.push(segment);
    this.#duration += ticksToMillis(ticks, segment.timescale);
    this.#bytes += offset + bytes - volume.end;
    volume.end = offset + bytes;
    volume.until = ticksToMillis(addTicks(pts, ticks), segment.timescale);
    return segment;
  }
}
