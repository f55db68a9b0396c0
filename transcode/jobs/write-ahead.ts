import type { NodeId } from '#core/bus/node.ts';
import type { SharedState } from '#core/bus/shared-state.ts';
import type { BroadcastId } from '#core/media/frame.ts';
import { MillraceError } from '#core/runtime/errors.ts';
import { jobKey, type GroupPlace, type TakenGroups } from './taken-groups.ts';

/** What a {@link WriteAhead} works with. */
export type WriteAheadOptions = {
  readonly shared: SharedState;
  readonly broadcast: BroadcastId;
  readonly fence: number;
  /** What the transcoder before left. */
  readonly before?: TakenGroups | undefined;
  /** Nothing is written before {@link WriteAhead.open}: the one before still has to write. */
  readonly held?: boolean;
  /** Called where another transcoder has written since. */
  readonly onFenced: (thrown: unknown) => void;
};

/**
 * Writes ahead which groups of a broadcast may have been begun, one group before they are, so that a successor begins behind them. Nobody waits for
 * it: one write is on its way at a time, then the newest value; one that fails is made up for with the next group.
 */
export class WriteAhead {
  readonly #options: WriteAheadOptions;
  #value: TakenGroups | undefined;
  #dirty = false;
  #held: boolean;
  #writing: Promise<void> | undefined;
  /** Set while the broadcast is handed over: nothing is begun beyond. */
  #limited = false;

  constructor(options: WriteAheadOptions) {
    this.#options = options;
    this.#held = options.held === true;
    const { before } = options;
    this.#value = before === undefined ? undefined : { epoch: before.epoch, group: before.group };
  }

  /** A group is about to be begun: it and the next one are spoken for. */
  begins(epoch: number, group: number): void {
    const known = this.#value;
    if (this.#limited || (known !== undefined && (known.epoch > epoch || (known.epoch === epoch && known.group > group)))) {
      return;
    }
    this.#value = { epoch, group: group + 1 };
    this.#dirty = true;
    this.#write();
  }

  /** From now on it may write. Idempotent. */
  open(): void {
    this.#held = false;
    this.#write();
  }

  /**
   * Says who follows.
   *
   * @param at the last group that is given out here; undefined where nothing is encoded: whoever follows may begin at once.
   * @throws {MillraceError} `bus/fenced`, `bus/unreachable`.
   */
  async handOver(to: NodeId, at: GroupPlace | undefined): Promise<void> {
    await this.#writing;
    this.#limited = true;
    const { epoch, group } = at ?? this.#value ?? { epoch: 0, group: -1 };
    this.#value = { epoch, group, handover: { to, done: at === undefined } };
    await this.#put(this.#value);
  }

  /** Nobody followed: goes on as before. */
  goOn(): void {
    this.#limited = false;
    if (this.#value !== undefined) {
      this.#value = { epoch: this.#value.epoch, group: this.#value.group };
      this.#dirty = true;
      this.#write();
    }
  }

  /** Everything up to the hand-over was given out. Rejects as {@link WriteAhead.handOver}. */
  async done(): Promise<void> {
    if (this.#value?.handover?.done === false) {
      this.#value = { ...this.#value, handover: { ...this.#value.handover, done: true } };
      await this.#put(this.#value);
    }
  }

  /** Finds out whether somebody has taken over, by writing. Rejects with `bus/fenced` where so, with `bus/unreachable` where nobody can tell. */
  async prove(): Promise<void> {
    await this.#writing;
    this.#value ??= { epoch: 0, group: -1 };
    await this.#put(this.#value);
  }

  /** The broadcast is over: nobody will follow. */
  async forget(): Promise<void> {
    this.#limited = true;
    await this.#writing;
    if (this.#value !== undefined) {
      await this.#options.shared.delete(jobKey(this.#options.broadcast), { fence: this.#options.fence });
    }
  }

  #write(): void {
    if (this.#dirty && !this.#held && !this.#limited) {
      this.#writing ??= this.#writeNewest().finally(() => {
        this.#writing = undefined;
      });
    }
  }

  async #writeNewest(): Promise<void> {
    while (this.#dirty && this.#value !== undefined && !this.#limited) {
      this.#dirty = false;
      try {
        await this.#put(this.#value);
      } catch (thrown) {
        if (thrown instanceof MillraceError && thrown.code === 'bus/fenced') {
          this.#options.onFenced(thrown);
        }
        return;
      }
    }
  }

  #put(value: TakenGroups): Promise<void> {
    const { shared, broadcast, fence } = this.#options;
    return shared.put(jobKey(broadcast), value, { fence });
  }
}
