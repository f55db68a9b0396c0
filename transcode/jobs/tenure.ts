import type { Bus, Lease, Unsubscribe } from '#core/bus/bus.ts';
import { NODE_SILENCE, type NodeId } from '#core/bus/node.ts';
import type { BroadcastId } from '#core/media/frame.ts';
import { MillraceError, messageOf } from '#core/runtime/errors.ts';
import type { Logger } from '#core/runtime/log.ts';
import { Producers } from './producers.ts';
import { Pulse } from './pulse.ts';
import { jobKey, takenGroups, type GroupPlace, type TakenGroups } from './taken-groups.ts';
import { WriteAhead } from './write-ahead.ts';

/** What a {@link Tenure} works with. */
export type TenureOptions = {
  readonly bus: Bus;
  readonly broadcast: BroadcastId;
  readonly lease: Lease;
  /** What the transcoder before left. */
  readonly before: TakenGroups | undefined;
  readonly log: Logger;
  /** Called when another transcoder has the broadcast. May be called more than once. */
  readonly onLost: () => void;
};

/** What is handed over to another transcoder. */
export type Estate = {
  /** The newest group that is being encoded; undefined while nothing is. */
  readonly newest: () => GroupPlace | undefined;
  /** Leaves a group and all that follow to the other; settles when everything before is written. */
  readonly leave: (at: GroupPlace) => Promise<void>;
  /** Nobody followed: goes on. False where it is too late. */
  readonly stay: () => boolean;
};

/** A hand-over is so many groups ahead of the newest: the other has a whole one to get ready in. */
const HAND_OVER_GROUPS = 2;
/** Within this time the other must have written a ladder; shorter than the group that it gets ready in. */
const FOLLOWED_WITHIN = 700;
/** While the shared values cannot be reached, it is tried again so often. */
const PROVE_AGAIN = 200;

/** Rejects when the monotonic clock says `until`. */
async function timeout(until: number): Promise<never> {
  await new Promise((resolve) => setTimeout(resolve, until - performance.now()).unref());
  throw new MillraceError('bus/timeout', 'nobody can tell in time');
}

/** The time in which a broadcast is this transcoder's: what it may write, from when on, and how it ends (ADR 0014). */
export class Tenure {
  readonly producers: Producers;
  readonly #options: TenureOptions;
  readonly #ahead: WriteAhead;
  readonly #pulse = new Pulse();
  readonly #stopped = new AbortController();
  #lease: Lease;
  #lost = false;
  /** Another may have taken over while this process was paused. */
  #inDoubt = false;
  #isEnding = false;
  /** All that was to be given out before a hand-over was, or nobody needs to know. */
  #isDone = false;
  /** Ends the waiting for the transcoder before, which still writes. */
  #stopWaiting: Unsubscribe | undefined;
  #openTimer: NodeJS.Timeout | undefined;
  #succeeded = Promise.withResolvers<boolean>();

  constructor(options: TenureOptions) {
    const { bus, broadcast, lease, before } = options;
    const held = before?.handover?.done === false;
    this.#options = options;
    this.#lease = lease;
    this.#ahead = new WriteAhead({ shared: bus.shared, broadcast, fence: lease.fence, before, held, onFenced: (thrown) => this.fenced(thrown) });
    this.producers = new Producers({ bus, broadcast, fence: lease.fence, held, pulse: this.#pulse, onHeld: () => this.#heldBack() });
    this.#watch(lease);
    if (held) {
      this.#stopWaiting = bus.shared.watch(jobKey(broadcast), (key, value) => {
        if (key === jobKey(broadcast) && takenGroups(value)?.handover?.done === true) {
          // After the watch was returned, which may call at once.
          queueMicrotask(() => this.#open());
        }
      });
    }
  }

  /** Whether catalogs may be written: nobody else may have taken over. */
  get mayWrite(): boolean {
    return !this.#lost && !this.#inDoubt;
  }

  /** True while the broadcast is handed over: nothing new is begun. */
  get isEnding(): boolean {
    return this.#isEnding;
  }

  /** A group is about to be begun. */
  begins(epoch: number, group: number): void {
    this.#ahead.begins(epoch, group);
  }

  /** Called a few times a second: that it was not called tells that the process was paused. */
  tick(): void {
    if (this.#pulse.missed) {
      this.producers.hold();
      void this.#prove();
    }
    this.#pulse.beat();
  }

  /** Something could not be written under this fence. */
  fenced(thrown: unknown): void {
    this.#options.log.warn({ reason: messageOf(thrown) }, 'another transcoder has taken this broadcast over');
    this.#lose();
  }

  /** Another transcoder has written a ladder. */
  succeeded(): void {
    this.#succeeded.resolve(true);
    if (!this.#isEnding) {
      this.#lose();
    }
  }

  /** Hands the broadcast over at a group. Gives false where nobody took it: it goes on here. */
  async handOver(to: NodeId, estate: Estate): Promise<boolean> {
    const newest = estate.newest();
    const at = newest === undefined ? undefined : { epoch: newest.epoch, group: newest.group + HAND_OVER_GROUPS };
    this.#isEnding = true;
    this.#succeeded = Promise.withResolvers();
    try {
      await this.#ahead.handOver(to, at === undefined ? undefined : { epoch: at.epoch, group: at.group - 1 });
    } catch (thrown) {
      this.#options.log.warn({ reason: messageOf(thrown) }, 'the broadcast could not be handed over yet');
      return this.#goOn();
    }
    const reached = estate.newest();
    if (this.#lost || (at === undefined ? reached !== undefined : (reached?.group ?? -1) >= at.group)) {
      return this.#goOn();
    }
    const written = at === undefined ? undefined : estate.leave(at);
    this.#lease.release();
    if (!(await this.#isFollowed()) && !this.#stopped.signal.aborted) {
      const again = await this.#options.bus.tryLease(jobKey(this.#options.broadcast)).catch(() => undefined);
      if (again !== undefined && !this.#stopped.signal.aborted && estate.stay()) {
        this.#lease = again;
        this.#watch(again);
        return this.#goOn();
      }
      again?.release();
    }
    await Promise.race([written, this.#untilStopped()]);
    await this.#done();
    return true;
  }

  /**
   * Writes nothing any more and gives the lease back. Idempotent.
   *
   * @param ending.isOver the broadcast is over: nobody needs to know what was begun.
   */
  async close(ending: { readonly isOver: boolean }): Promise<void> {
    this.#stopped.abort();
    this.#stopWaiting?.();
    clearTimeout(this.#openTimer);
    this.#isDone ||= ending.isOver;
    this.producers.close();
    if (this.#isEnding && !ending.isOver) {
      // In the middle of a hand-over: nothing more comes.
      await this.#done();
    }
    if (ending.isOver && !this.#lost) {
      await this.#ahead.forget().catch((thrown: unknown) => this.#options.log.debug({ reason: messageOf(thrown) }, 'the record of a broadcast that is over stays'));
    }
    this.#lease.release();
  }

  async #done(): Promise<void> {
    if (!this.#isDone) {
      this.#isDone = true;
      await this.#ahead.done().catch((thrown: unknown) => this.#options.log.debug({ reason: messageOf(thrown) }, 'the end of the hand-over could not be told'));
    }
  }

  #goOn(): false {
    this.#isEnding = false;
    this.#ahead.goOn();
    return false;
  }

  #lose(): void {
    this.#lost = true;
    this.#options.onLost();
  }

  #watch(lease: Lease): void {
    void lease.lost.then(() => {
      if (this.#lease === lease && !this.#isEnding) {
        this.#lose();
      }
    });
  }

  async #isFollowed(): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => resolve(false), FOLLOWED_WITHIN);
    const followed = await Promise.race([this.#succeeded.promise, promise, this.#untilStopped().then(() => false)]);
    clearTimeout(timer);
    return followed;
  }

  #untilStopped(): Promise<void> {
    const { signal } = this.#stopped;
    return new Promise((resolve) => (signal.aborted ? resolve() : signal.addEventListener('abort', () => resolve(), { once: true })));
  }

  /** The first frame has to wait. */
  #heldBack(): void {
    if (this.#stopWaiting === undefined) {
      void this.#prove();
    } else {
      // The one before should be done by now; where it died it never will be.
      this.#openTimer = setTimeout(() => this.#open(), NODE_SILENCE);
    }
  }

  #open(): void {
    this.#stopWaiting?.();
    this.#stopWaiting = undefined;
    clearTimeout(this.#openTimer);
    this.#ahead.open();
    this.#openProducers();
  }

  #openProducers(): void {
    try {
      this.producers.open();
    } catch (thrown) {
      this.fenced(thrown);
    }
  }

  /** Finds out whether another has taken over; where nobody can tell for long, the media goes first. */
  async #prove(): Promise<void> {
    if (this.#inDoubt || this.#stopWaiting !== undefined) {
      return;
    }
    this.#inDoubt = true;
    for (const until = performance.now() + NODE_SILENCE; performance.now() < until && !this.#stopped.signal.aborted; ) {
      try {
        await Promise.race([this.#ahead.prove(), timeout(until)]);
        break;
      } catch (thrown) {
        if (thrown instanceof MillraceError && thrown.code === 'bus/fenced') {
          this.fenced(thrown);
          return;
        }
        await new Promise((resolve) => setTimeout(resolve, PROVE_AGAIN));
      }
    }
    this.#inDoubt = false;
    if (!this.#lost) {
      this.#openProducers();
    }
  }
}
