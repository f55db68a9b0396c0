import type { ArchivedSegment } from '../archive/archive.ts';
import { packBlock, type PackedBlock } from './packed-playlist.ts';
import { segmentLines } from './segment-text.ts';

/** Groups of one stretch: a small part of two hours, and enough to be worth compressing by itself. */
const BLOCK_GROUPS = 128;

type Known = { readonly signature: string; readonly block: PackedBlock };

/** The lines of a track's segments in stretches that are made and compressed once, when all of their segments are there. */
export class SegmentBlocks {
  #known = new Map<number, Known>();

  /** The stretches that list the segments from `first` on. */
  list(segments: readonly ArchivedSegment[], first: number): PackedBlock[] {
    const known = new Map<number, Known>();
    for (let from = first; from < segments.length; ) {
      const number = blockOf(segments[from] as ArchivedSegment);
      let to = from + 1;
      while (to < segments.length && blockOf(segments[to] as ArchivedSegment) === number) {
        to++;
      }
      const before = from === first ? undefined : segments[from - 1];
      const [head, tail] = [segments[from] as ArchivedSegment, segments[to - 1] as ArchivedSegment];
      const signature = `${before?.group} ${head.group} ${tail.group} ${to - from}`;
      const same = this.#known.get(number);
      known.set(number, same?.signature === signature ? same : { signature, block: packBlock(segmentLines(segments, from, to, before)) });
      from = to;
    }
    this.#known = known;
    return [...known.values()].map(({ block }) => block);
  }
}

function blockOf({ group }: ArchivedSegment): number {
  return Math.floor(group / BLOCK_GROUPS);
}
