import { millis, ticksToMillis, type Millis } from '#core/media/time.ts';

import type { Segment } from '../cmaf/segment.ts';
import type { TrackFiles } from './disk/track-files.ts';
import type { WriteQueue } from './disk/write-queue.ts';
import { mfra, moofOffset } from './format/mfra.ts';
import type { KeptTrack } from './kept-track.ts';
import type { ArchiveMetrics } from './metrics.ts';

/** A volume of what is not recorded: the window's end moves in steps of it. */
const VOLUME_SPAN = millis(60_000);

/** What a recorder works with. */
export type RecorderOptions = {
  readonly track: KeptTrack;
  readonly files: TrackFiles;
  readonly queue: WriteQueue;
  readonly isRecording: boolean;
  /** Asked before each write of so many bytes; throws where there is no room for them. */
  readonly admit: (bytes: number) => void;
  readonly metrics: ArchiveMetrics;
};

/** Puts the segments of one track into volumes: at once in memory, on disk when their turn comes. */
export class TrackRecorder {
  readonly track: KeptTrack;
  readonly #options: RecorderOptions;
  /** The volume that grows, and when its first segment is shown. */
  #current: { readonly volume: number; readonly since: Millis } | undefined;

  constructor(options: RecorderOptions) {
    this.track = options.track;
    this.#options = options;
  }

  /** The volume that grows. */
  get current(): number | undefined {
    return this.#current?.volume;
  }

  /** Adds a segment; false where it does not go on from what is there. */
  add(segment: Segment): boolean {
    const { track } = this;
    const { files, queue, admit, metrics } = this.#options;
    const volume = this.#volumeFor(segment);
    if (volume === undefined) {
      return false;
    }
    const { group, epoch, pts, dts, ticks, wallTime, bytes } = segment;
    const parts = segment.parts.map((part) => part.bytes);
    const place = { volume, offset: track.volumes.get(volume)?.end ?? 0, moof: parts[0] === undefined ? 0 : moofOffset(parts[0]), key: segment.parts[0]?.independent ?? false };
    const kept = track.apply({ is: 'segment', segment: { group, epoch, pts, dts, ticks, wallTime, bytes, ...place } });
    if (kept === undefined) {
      return false;
    }
    track.queue(kept, parts);
    queue.add({
      bytes,
      run: async () => {
        admit(bytes);
        await files.append(kept, parts);
        track.written(kept);
        metrics.written(bytes);
      },
    });
    return true;
  }

  /** Lets go of a volume: readers lose it at once. */
  drop(volume: number): void {
    const { track } = this;
    const { files, queue } = this.#options;
    if (this.#current?.volume === volume) {
      this.#current = undefined;
    }
    track.dropVolume(volume);
    queue.add({ bytes: 0, run: () => files.drop(volume, () => track.lines()) });
  }

  /** The next segment begins a volume. */
  stop(): void {
    this.#current = undefined;
  }

  /** Gives each volume that holds something what players on a desk seek by. Not while anything is queued. */
  async finish(): Promise<void> {
    for (const { number, until, finishedBytes } of [...this.track.volumes.values()]) {
      if (until !== undefined && finishedBytes === undefined) {
        await this.#finishVolume(number);
      }
    }
  }

  /** A new volume for a new configuration, and for each minute of what is not recorded. */
  #volumeFor(segment: Segment): number | undefined {
    const { track } = this;
    const { files, queue, isRecording, admit } = this.#options;
    const before = this.#current;
    const at = ticksToMillis(segment.pts, segment.timescale);
    if (before !== undefined && track.volumes.get(before.volume)?.config === segment.config && (isRecording || at - before.since < VOLUME_SPAN)) {
      return before.volume;
    }
    const trackConfig = track.config(segment.config);
    const init = track.init(segment.config);
    if (trackConfig === undefined || init === undefined) {
      return undefined;
    }
    const volume = track.nextVolume;
    const line = { is: 'volume', volume, config: segment.config, trackConfig, initBytes: init.length } as const;
    track.apply(line);
    this.#current = { volume, since: at };
    queue.add({
      bytes: 0,
      run: async () => {
        admit(init.length);
        if (isRecording && before !== undefined) {
          await this.#finishVolume(before.volume);
        }
        await files.begin(line, init);
      },
    });
    return volume;
  }

  async #finishVolume(volume: number): Promise<void> {
    const { track } = this;
    const { files, metrics } = this.#options;
    const bytes = mfra(track.segments.filter((segment) => segment.volume === volume));
    await files.finish(volume, bytes);
    metrics.written(bytes.length);
    const end = track.volumes.get(volume)?.end;
    if (end !== undefined) {
      track.apply({ is: 'finished', volume, bytes: end + bytes.length });
    }
  }
}
