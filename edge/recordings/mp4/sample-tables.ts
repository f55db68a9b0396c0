import { u32 } from '#core/media/containers/fmp4/box.ts';

import { boxOf, fullBoxOf, u64, type Pieces } from './pieces.ts';
import { Table } from './table.ts';

/** Where and when a sample is, in ticks of its track. */
export type TableSample = { readonly dts: number; readonly pts: number; readonly size: number; readonly key: boolean };

/** The sample tables of one track (ISO/IEC 14496-12, 8.6 and 8.7), filled chunk by chunk in decoding order. */
export class SampleTables {
  readonly #sizes = new Table();
  readonly #syncs = new Table();
  readonly #durations = new Table();
  readonly #offsets = new Table();
  readonly #chunkRuns = new Table();
  readonly #chunks: number[] = [];
  #samples = 0;
  #syncCount = 0;
  #hasOffsets = false;
  #hasNegativeOffsets = false;
  #durationRun: { count: number; value: number } | undefined;
  #offsetRun: { count: number; value: number } | undefined;
  #openChunk: { readonly entry: number; samples: number } | undefined;
  #lastChunk: { readonly samples: number; readonly entry: number } | undefined;
  #firstDts: number | undefined;
  #lastDts = 0;
  #firstOffset = 0;
  #duration = 0;

  get samples(): number {
    return this.#samples;
  }

  /** Sum of the samples' durations; complete after {@link SampleTables.end}. */
  get duration(): number {
    return this.#duration;
  }

  /** How long after its decoding time the first sample is shown. */
  get firstOffset(): number {
    return this.#firstOffset;
  }

  /** Begins a chunk: samples that lie in a row from an offset in the media on, described by the n-th sample entry (from 1). */
  chunk(offset: number, entry: number): void {
    this.#closeChunk();
    this.#chunks.push(offset);
    this.#openChunk = { entry, samples: 0 };
  }

  /** Appends a sample to the open chunk. One that would be decoded before the one before it is decoded right after it: pts stays. */
  sample({ dts, pts, size, key }: TableSample): void {
    let at = dts;
    if (this.#firstDts === undefined) {
      this.#firstDts = dts;
      this.#firstOffset = pts - dts;
    } else {
      at = Math.max(dts, this.#lastDts + 1);
      this.#passed(at - this.#lastDts);
    }
    this.#lastDts = at;
    this.#samples++;
    this.#sizes.push(size);
    if (key) {
      this.#syncCount++;
      this.#syncs.push(this.#samples);
    }
    const offset = pts - at;
    this.#hasOffsets ||= offset !== 0;
    this.#hasNegativeOffsets ||= offset < 0;
    if (this.#offsetRun?.value === offset) {
      this.#offsetRun.count++;
    } else {
      this.#closeOffsetRun();
      this.#offsetRun = { count: 1, value: offset };
    }
    if (this.#openChunk !== undefined) {
      this.#openChunk.samples++;
    }
  }

  /** No further sample will come; the last one lasts so long. */
  end(duration: number): void {
    this.#passed(duration);
    this.#closeDurationRun();
    this.#closeOffsetRun();
    this.#closeChunk();
  }

  /**
   * SampleTableBox. The chunk offsets are those of the media; {@link SampleTables.place} makes them those of the file.
   *
   * @param entries - The boxes inside `stsd`.
   */
  stbl(entries: readonly Uint8Array[], large: boolean): { readonly box: Pieces; readonly chunkOffsets: Uint8Array } {
    const chunkOffsets = new Uint8Array(this.#chunks.length * (large ? 8 : 4));
    const box = boxOf(
      'stbl',
      fullBoxOf('stsd', 0, 0, u32(entries.length), ...entries),
      counted('stts', 0, this.#durations, 8),
      ...(this.#hasOffsets ? [counted('ctts', this.#hasNegativeOffsets ? 1 : 0, this.#offsets, 8)] : []),
      // "If the sync sample box is not present, every sample is a sync sample."
      ...(this.#syncCount === this.#samples ? [] : [counted('stss', 0, this.#syncs, 4)]),
      counted('stsc', 0, this.#chunkRuns, 12),
      fullBoxOf('stsz', 0, 0, u32(0, this.#samples), this.#sizes.bytes),
      fullBoxOf(large ? 'co64' : 'stco', 0, 0, u32(this.#chunks.length), chunkOffsets),
    );
    return { box, chunkOffsets };
  }

  /** Fills a table of chunk offsets, now that it is known where in the file the media begins. */
  place(chunkOffsets: Uint8Array, mediaStart: number, large: boolean): void {
    const view = new DataView(chunkOffsets.buffer, chunkOffsets.byteOffset, chunkOffsets.byteLength);
    this.#chunks.forEach((offset, index) => {
      if (large) {
        chunkOffsets.set(u64(mediaStart + offset), 8 * index);
      } else {
        view.setUint32(4 * index, mediaStart + offset);
      }
    });
  }

  #passed(ticks: number): void {
    this.#duration += ticks;
    if (this.#durationRun?.value === ticks) {
      this.#durationRun.count++;
    } else {
      this.#closeDurationRun();
      this.#durationRun = { count: 1, value: ticks };
    }
  }

  #closeDurationRun(): void {
    if (this.#durationRun !== undefined) {
      this.#durations.push(this.#durationRun.count, this.#durationRun.value);
      this.#durationRun = undefined;
    }
  }

  #closeOffsetRun(): void {
    if (this.#offsetRun !== undefined) {
      this.#offsets.push(this.#offsetRun.count, this.#offsetRun.value);
      this.#offsetRun = undefined;
    }
  }

  #closeChunk(): void {
    const open = this.#openChunk;
    if (open === undefined) {
      return;
    }
    if (open.samples !== this.#lastChunk?.samples || open.entry !== this.#lastChunk.entry) {
      this.#chunkRuns.push(this.#chunks.length, open.samples, open.entry);
    }
    this.#lastChunk = open;
    this.#openChunk = undefined;
  }
}

/** A full box that is a count and so many entries. */
function counted(type: string, version: number, table: Table, entrySize: number): Pieces {
  return fullBoxOf(type, version, 0, u32(table.size / entrySize), table.bytes);
}
