import { join } from 'node:path';

import type { TrackName } from '#core/media/track.ts';

import { formatRecord, type BroadcastRecord } from '../format/broadcast-file.ts';
import type { IndexHead } from '../format/index-line.ts';
import { BROADCAST_FILE } from '../format/names.ts';
import type { Disk } from './disk.ts';
import type { EventLog } from './event-log.ts';
import { TrackFiles, type GoodLengths } from './track-files.ts';

/** The folder of a broadcast. Every method throws what the disk throws. */
export class BroadcastFiles {
  readonly folder: string;
  readonly events: EventLog;
  readonly #disk: Disk;
  readonly #tracks = new Map<TrackName, TrackFiles>();

  constructor(disk: Disk, folder: string, events: EventLog) {
    this.#disk = disk;
    this.folder = folder;
    this.events = events;
  }

  /** The files of a track. `good` is what a mended archive has of it. */
  track(head: IndexHead, good?: GoodLengths): TrackFiles {
    let files = this.#tracks.get(head.track);
    if (files === undefined) {
      files = new TrackFiles(this.#disk, this.folder, head, good);
      this.#tracks.set(head.track, files);
    }
    return files;
  }

  /** Bytes of all indexes. */
  get indexBytes(): number {
    return this.#sum((track) => track.indexLength);
  }

  /** Files that are open. */
  get openFiles(): number {
    return this.#sum((track) => track.openFiles);
  }

  /** Makes the folder and says in it what it is. */
  async begin(record: BroadcastRecord): Promise<void> {
    await this.#disk.makeFolder(this.folder);
    await this.writeRecord(record);
  }

  async writeRecord(record: BroadcastRecord): Promise<void> {
    await this.#disk.replaceFile(join(this.folder, BROADCAST_FILE), formatRecord(record));
  }

  /** Settles when what was written is on the medium; throws where the folder or a file in it was taken away. */
  async sync(): Promise<void> {
    for (const track of this.#tracks.values()) {
      await track.sync();
    }
    await this.#disk.stat(join(this.folder, BROADCAST_FILE));
  }

  /**
   * Cuts off what a write that failed has left.
   *
   * @returns of each track the volumes whose files are gone, or `all`.
   */
  async repair(): Promise<ReadonlyMap<TrackName, 'all' | readonly number[]>> {
    await this.events.close();
    const gone = new Map<TrackName, 'all' | readonly number[]>();
    for (const [name, track] of this.#tracks) {
      gone.set(name, await track.repair());
    }
    return gone;
  }

  async close(): Promise<void> {
    await this.events.close();
    for (const track of this.#tracks.values()) {
      await track.close();
    }
  }

  #sum(of: (track: TrackFiles) => number): number {
    return [...this.#tracks.values()].reduce((sum, track) => sum + of(track), 0);
  }
}
