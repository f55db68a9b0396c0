import type { ArchivedSegment } from '../archive/archive.ts';

/**
 * Media sequence numbers of a list that slides. A segment's number is its group less the numbers that were never given out between epochs, as far as they were seen: a
 * playlist has an entry for each number, and after a pause there may be thousands of such. They are remembered when they have left the list, so a number never goes back; after a
 * restart of the server it may go on higher.
 */
export class Numbering {
  readonly #jumps: { readonly group: number; readonly skipped: number }[] = [];
  #seen: ArchivedSegment | undefined;

  /** Looks over what was added since the last time. */
  update(segments: readonly ArchivedSegment[]): void {
    let at = segments.length;
    while (at > 0 && (segments[at - 1] as ArchivedSegment).group > (this.#seen?.group ?? -1)) {
      at--;
    }
    for (; at < segments.length; at++) {
      const segment = segments[at] as ArchivedSegment;
      const before = at > 0 ? segments[at - 1] : this.#seen;
      if (before !== undefined && segment.epoch !== before.epoch) {
        this.#jumps.push({ group: segment.group, skipped: segment.group - before.group - 1 });
      }
      this.#seen = segment;
    }
  }

  /** The number of a segment that was seen. */
  of({ group }: ArchivedSegment): number {
    return this.#jumps.reduce((number, jump) => (jump.group <= group ? number - jump.skipped : number), group);
  }
}
