import type { ArchivedSegment, ArchivedTrack } from '../archive/archive.ts';
import { packBlock, type PackedBlock } from './packed-playlist.ts';
import { segmentLines } from './segment-text.ts';
import type { Timeline } from './timeline.ts';

/** Groups of one stretch: a small part of two hours, and enough to be worth compressing by itself. */
const BLOCK_GROUPS = 128;

type Known = { readonly signature: string; readonly block: PackedBlock };

/** The lines of a track's segments in stretches that are made and compressed once, when all of their segments are there. */
export class SegmentBlocks {
  readonly #track: ArchivedTrack;
  readonly #timeline: Timeline;
  #known = new Map<number, Known>();

  constructor(track: ArchivedTrack, timeline: Timeline) {
    this.#track = track;
    this.#timeline = timeline;
  }

  /** The stretches that list the track's segments from `first` on. */
  list(first: number): PackedBlock[] {
    const { segments } = this.#track;
    const known = new Map<number, Known>();
    let before: ArchivedSegment | undefined;
    for (let from = first; from < segments.length; ) {
      const number = blockOf(segments[from] as ArchivedSegment);
      let to = from + 1;
      while (to < segments.length && blockOf(segments[to] as ArchivedSegment) === number) {
        to++;
      }
      const signature = `${before?.group} ${segments[from]?.group} ${segments[to - 1]?.group} ${to - from}`;
      const same = this.#known.get(number);
      known.set(number, same?.signature === signature ? same : { signature, block: this.#pack(from, to, before) });
      before = segments[to - 1];
      from = to;
    }
    this.#known = known;
    return [...known.values()].map(({ block }) => block);
  }

  #pack(from: number, to: number, before: ArchivedSegment | undefined): PackedBlock {
    const listed = this.#track.segments.slice(from, to).filter((segment) => this.#timeline.lists(segment));
    return packBlock(segmentLines(this.#track, this.#timeline, listed, before));
  }
}

function blockOf({ group }: ArchivedSegment): number {
  return Math.floor(group / BLOCK_GROUPS);
}
