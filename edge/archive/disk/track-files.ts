import { join } from 'node:path';

import type { TrackName } from '#core/media/track.ts';

import { formatLine, type IndexHead, type IndexLine, type KeptSegment } from '../format/index-line.ts';
import { indexFile, volumeFile } from '../format/names.ts';
import { sizeOf, type Disk, type DiskFile } from './disk.ts';

/** Below so many bytes an index is not written anew. */
const COMPACT_FROM = 256 * 1024;

/** What is good of a track's files: bytes behind it are left from a write that failed, or from a crash. */
export type GoodLengths = { readonly index: number; readonly volumes: ReadonlyMap<number, number> };

/**
 * Writes the files of a track: the line of the index first, then the bytes that it names. A line counts where the file holds what it names to the end, so
 * whatever moment a crash takes, what is whole can be told from what is not.
 *
 * After an error nothing may be written before {@link TrackFiles.repair}. Every method throws what the disk throws.
 */
export class TrackFiles {
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #head: IndexHead;
  #index: DiskFile | undefined;
  #indexLength = 0;
  /** Of the index when it was last written anew. */
  #compactLength = 0;
  #volume: { readonly number: number; readonly file: DiskFile } | undefined;
  /** Good bytes of volumes that are not finished. */
  readonly #volumeLengths = new Map<number, number>();

  /** `good` is what a mended archive has; without it there is nothing yet. */
  constructor(disk: Disk, folder: string, head: IndexHead, good?: GoodLengths) {
    this.#disk = disk;
    this.#folder = folder;
    this.#head = head;
    this.#indexLength = good?.index ?? 0;
    this.#compactLength = this.#indexLength;
    good?.volumes.forEach((length, number) => this.#volumeLengths.set(number, length));
  }

  get #track(): TrackName {
    return this.#head.track;
  }

  /** Bytes of the index. */
  get indexLength(): number {
    return this.#indexLength;
  }

  /** Begins a volume with its init segment; what was written to before is closed. */
  async begin(line: Extract<IndexLine, { is: 'volume' }>, init: Uint8Array): Promise<void> {
    await this.#closeVolume();
    const file = await this.#disk.open(this.#path(line.volume), 'write');
    this.#volume = { number: line.volume, file };
    await file.truncate(0);
    await file.write([init], 0);
    await this.#write(line);
    this.#volumeLengths.set(line.volume, init.length);
  }

  /** Appends a segment to the volume that was begun last. */
  async append(segment: KeptSegment, bytes: readonly Uint8Array[]): Promise<void> {
    if (this.#volume?.number !== segment.volume) {
      throw new Error(`volume ${segment.volume} of ${this.#track} is not open`);
    }
    const before = this.#indexLength;
    await this.#write({ is: 'segment', segment });
    try {
      await this.#volume.file.write(bytes, segment.offset);
    } catch (error) {
      this.#indexLength = before;
      throw error;
    }
    this.#volumeLengths.set(segment.volume, segment.offset + segment.bytes);
  }

  /** Ends a volume with its `mfra`. */
  async finish(volume: number, mfra: Uint8Array): Promise<void> {
    const at = this.#volumeLengths.get(volume);
    if (at !== undefined) {
      const isOpen = this.#volume?.number === volume;
      const file = isOpen ? this.#volume!.file : await this.#disk.open(this.#path(volume), 'write');
      try {
        await file.truncate(at);
        await file.write([mfra], at);
        await file.sync();
        await this.#write({ is: 'finished', volume, bytes: at + mfra.length });
        this.#volumeLengths.delete(volume);
      } finally {
        await (isOpen ? this.#closeVolume() : file.close());
      }
    }
  }

  /** Removes a volume that left the window. `lines` are those of what stays, for an index that has grown stale. */
  async drop(volume: number, lines: () => readonly IndexLine[]): Promise<void> {
    this.#volumeLengths.delete(volume);
    if (this.#volume?.number === volume) {
      await this.#closeVolume();
    }
    await this.#disk.remove(this.#path(volume));
    await this.#write({ is: 'dropped', volume });
    if (this.#indexLength > Math.max(COMPACT_FROM, this.#compactLength * 2)) {
      await this.rewrite(lines());
    }
  }

  /** Writes the index anew. */
  async rewrite(lines: readonly IndexLine[]): Promise<void> {
    const text = [{ is: 'head', head: this.#head } as const, ...lines].map(formatLine).join('');
    const index = this.#index;
    this.#index = undefined;
    await index?.close();
    await this.#disk.replaceFile(join(this.#folder, indexFile(this.#track)), text);
    this.#indexLength = Buffer.byteLength(text);
    this.#compactLength = this.#indexLength;
  }

  /**
   * Settles when what was written is on the medium.
   *
   * @throws where a file was taken away too: writes to it would go nowhere.
   */
  async sync(): Promise<void> {
    for (const file of [this.#volume?.file, this.#index]) {
      if (file !== undefined) {
        await file.sync();
        if (!(await file.stat()).linked) {
          throw Object.assign(new Error(`a file of ${this.#track} in ${this.#folder} was removed`), { code: 'ENOENT' });
        }
      }
    }
  }

  /**
   * Cuts off what a write that failed has left. Where the index is gone there is nothing yet, from now on.
   *
   * @returns the volumes whose files are gone, or `all`.
   */
  async repair(): Promise<'all' | readonly number[]> {
    await this.close();
    if (this.#indexLength > 0 && !(await this.#cut(join(this.#folder, indexFile(this.#track)), this.#indexLength))) {
      this.#indexLength = 0;
      this.#compactLength = 0;
      this.#volumeLengths.clear();
      return 'all';
    }
    const gone: number[] = [];
    for (const [volume, length] of this.#volumeLengths) {
      if (!(await this.#cut(this.#path(volume), length))) {
        this.#volumeLengths.delete(volume);
        gone.push(volume);
      }
    }
    return gone;
  }

  /** Closes what is open; writing opens it again. */
  async close(): Promise<void> {
    const index = this.#index;
    this.#index = undefined;
    await index?.close().catch(() => undefined);
    await this.#closeVolume().catch(() => undefined);
  }

  /** Files that are open. */
  get openFiles(): number {
    return Number(this.#index !== undefined) + Number(this.#volume !== undefined);
  }

  /** False where there is no such file. */
  async #cut(path: string, length: number): Promise<boolean> {
    const size = await sizeOf(this.#disk, path);
    if (size !== undefined && size > length) {
      const file = await this.#disk.open(path, 'write');
      try {
        await file.truncate(length);
      } finally {
        await file.close();
      }
    }
    return size !== undefined;
  }

  async #closeVolume(): Promise<void> {
    const volume = this.#volume;
    this.#volume = undefined;
    await volume?.file.close();
  }

  async #write(line: IndexLine): Promise<void> {
    this.#index ??= await this.#openIndex();
    const text = this.#indexLength === 0 ? formatLine({ is: 'head', head: this.#head }) + formatLine(line) : formatLine(line);
    const bytes = Buffer.from(text);
    await this.#index.write([bytes], this.#indexLength);
    this.#indexLength += bytes.length;
  }

  async #openIndex(): Promise<DiskFile> {
    const file = await this.#disk.open(join(this.#folder, indexFile(this.#track)), 'write');
    await file.truncate(this.#indexLength);
    return file;
  }

  #path(volume: number): string {
    return join(this.#folder, volumeFile(this.#track, volume));
  }
}
