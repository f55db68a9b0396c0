/** Media may be missing for so long without being cut: sound begins and ends a frame beside the picture. In seconds. */
const TOLERANCE = 0.2;

/**
 * How much time to take out, so that the first sample is shown at 0 and what nobody sent (between epochs, or where picture and sound are both lost) is not in the file. It is
 * the same for picture and sound, which stay together. Asked segment by segment, by their start, in seconds on the broadcast's timeline.
 */
export class Cuts {
  #end: number | undefined;
  #removed = 0;

  /** What is to be taken out before a segment that begins there. */
  before(start: number): number {
    if (this.#end === undefined) {
      this.#removed = start;
    } else if (start - this.#end > TOLERANCE) {
      this.#removed += start - this.#end;
    }
    this.#end = Math.max(this.#end ?? start, start);
    return this.#removed;
  }

  /**
   * A segment's last sample is shown until then. That is not what the segment lasts: where a publisher broke off, pictures
   * that were to be shown before the last one are missing.
   */
  shown(until: number): void {
    this.#end = Math.max(this.#end ?? until, until);
  }
}
