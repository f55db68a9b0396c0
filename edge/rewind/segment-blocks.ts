import type { ArchivedSegment } from '../archive/archive.ts';
import { packBlock, type PackedBlock } from './packed-playlist.ts';
import { segmentLines } from './segment-text.ts';

/** Groups of one stretch: a small part of two hours, and enough to be worth compressing by itself. */
const BLOCK_GROUPS = 128;

/** EXT-X-DATERANGE tags of a track's segments, and how many there are up to a segment: so that it is seen when some were added. */
export interface SegmentRanges {
  linesOf(segment: ArchivedSegment): string;
  /** Says of two looks at a stretch whether the tags in it are the same. */
  signature(first: ArchivedSegment, last: ArchivedSegment): string;
}

type Known = { readonly signature: string; readonly block: PackedBlock };

/** The lines of a track's segments in stretches that are made and compressed once, when all of their segments are there. */
export class SegmentBlocks {
  #known = new Map<number, Known>();

  /** The stretches that list the segments from `first` on. */
  list(segments: readonly ArchivedSegment[], first: number, ranges: SegmentRanges): PackedBlock[] {
    const known = new Map<number, Known>();
    for (let from = first; from < segments.length; ) {
      const number = blockOf(segments[from] as ArchivedSegment);
      let to = from + 1;
      while (to < segments.length && blockOf(segments[to] as ArchivedSegment) === number) {
        to++;
      }
      const before = from === first ? undefined : segments[from - 1];
      const [head, tail] = [segments[from] as ArchivedSegment, segments[to - 1] as ArchivedSegment];
      const signature = `${before?.group} ${head.group} ${tail.group} ${to - from} ${ranges.signature(head, tail)}`;
      const same = this.#known.get(number);
      known.set(number, same?.signature === signature ? same : { signature, block: packBlock(segmentLines(segments, from, to, before, (segment) => ranges.linesOf(segment))) });
      from = to;
    }
    this.#known = known;
    return [...known.values()].map(({ block }) => block);
  }
}

function blockOf({ group }: ArchivedSegment): number {
  return Math.floor(group / BLOCK_GROUPS);
}
