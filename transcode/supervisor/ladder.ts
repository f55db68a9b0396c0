import type { Bus, Unsubscribe } from '#core/bus/bus.ts';
import type { LadderCatalog, SourceCatalog } from '#core/bus/catalog.ts';
import type { BroadcastId } from '#core/media/frame.ts';
import type { Plan } from '../plan/plan.ts';

/** What a {@link Ladder} works with. */
export type LadderOptions = {
  readonly bus: Bus;
  readonly broadcast: BroadcastId;
  readonly fence: number;
  /** False while another transcoder may have taken over. */
  readonly mayWrite: () => boolean;
  /** Called where another transcoder has written one. */
  readonly onSuccessor: () => void;
};

/** The ladder in a broadcast's catalog: goes on from that of the transcoder before, and stands against one that comes back. */
export class Ladder {
  readonly #options: LadderOptions;
  readonly #unsubscribe: Unsubscribe;
  #inherited: LadderCatalog | undefined;
  #own: LadderCatalog | undefined;
  #revision = 0;

  constructor(options: LadderOptions) {
    this.#options = options;
    this.#unsubscribe = options.bus.onCatalog(options.broadcast, 'ladder', (ladder) => this.#seen(ladder));
  }

  /** The ladder that another transcoder began an epoch with, if one did. */
  inheritedFor(epoch: number): LadderCatalog | undefined {
    return this.#inherited?.epoch === epoch ? this.#inherited : undefined;
  }

  /** Writes a plan. */
  put({ stream, broadcast, epoch }: SourceCatalog, { renditions, omitted, partTarget }: Plan): void {
    this.#put({ stream, broadcast, epoch, fence: this.#options.fence, revision: 0, partTarget, renditions, omitted });
  }

  /** Idempotent. */
  close(): void {
    this.#unsubscribe();
  }

  #seen(ladder: LadderCatalog): void {
    const { fence, mayWrite, onSuccessor } = this.#options;
    if (ladder.fence > fence) {
      onSuccessor();
    } else if (ladder.fence < fence) {
      this.#revision = Math.max(this.#revision, ladder.revision);
      if (this.#own === undefined) {
        this.#inherited = ladder;
      } else if (mayWrite()) {
        this.#put(this.#own);
      }
    }
  }

  #put(ladder: LadderCatalog): void {
    this.#revision += 1;
    this.#own = { ...ladder, revision: this.#revision };
    this.#options.bus.putCatalog(ladder.broadcast, 'ladder', this.#own);
  }
}
