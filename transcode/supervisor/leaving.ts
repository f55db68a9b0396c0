import type { Frame } from '#core/media/frame.ts';
import type { GroupPlace } from '../jobs/taken-groups.ts';

/** The hand-over of one kind of media to another transcoder: from where on it is the other's, and whether all before is written. */
export class Leaving {
  #done = Promise.withResolvers<void>();
  #at: GroupPlace | undefined;
  #left = false;

  /** True from {@link begin} until it has left. */
  get isWanted(): boolean {
    return this.#at !== undefined && !this.#left;
  }

  /**
   * Begins to leave.
   *
   * @param isIdle nothing is on its way: all before is written.
   * @returns what settles when everything before is written.
   */
  begin(at: GroupPlace, isIdle: boolean): Promise<void> {
    this.#at = at;
    this.#done = Promise.withResolvers();
    if (isIdle) {
      this.#done.resolve();
    }
    return this.#done.promise;
  }

  /** Takes it back; false where it was too late. */
  takeBack(): boolean {
    this.#at = this.#left ? this.#at : undefined;
    return !this.#left;
  }

  /** The first group of an epoch that is the other's; Infinity where none is. */
  limitOf(epoch: number): number {
    return this.#at?.epoch === epoch ? this.#at.group : Infinity;
  }

  /** True for a frame of an epoch that began after the one in which the other takes over: all of it is the other's. */
  isBeyond({ epoch }: Frame): boolean {
    return this.isWanted && epoch > (this.#at?.epoch ?? Infinity);
  }

  /** Everything before was fed. Idempotent. */
  leave(written: Promise<void>): void {
    if (!this.#left) {
      this.#left = true;
      void written.then(() => this.#done.resolve());
    }
  }
}
