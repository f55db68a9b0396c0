import { millis, wallTime } from '#core/media/time.ts';
import type { Millis, WallTime } from '#core/media/time.ts';
import type { StreamFacts } from '../api/streams.ts';

/** `none`: this stream has no rewind; `on`; `lost`: it had, and cannot at the moment (the server's disk is full, for instance). */
export type RewindState = 'none' | 'on' | 'lost';

/** Where the viewer is between the oldest frame that is kept and the live edge. */
export type RewindReading = {
  readonly state: RewindState;
  /** How far back one can go. */
  readonly window: Millis;
  /** How far behind the live edge the viewer is, or is about to be; zero at the edge. */
  readonly behind: Millis;
  /** What is shown comes from what is kept. */
  readonly active: boolean;
};

/** Of a window that moves on, the oldest segments are about to go: nobody is sent to within so much of them, milliseconds. */
const oldestMargin = 6_000;

/** A window this much shorter than the broadcast moves on, milliseconds; before, it is only that the answer is old. */
const movesBeyond = 15_000;

/** A window that is filling up grows between two answers, for so long at most, milliseconds. */
const growsFor = 10_000;

/** What the API tells of the rewind window, from one answer to the next. */
export class RewindOffer {
  #state: RewindState = 'none';
  #broadcast: string | undefined;
  #isInterrupted = false;
  #recording: string | undefined;
  #length = 0;
  #startedAt = 0;
  #toldAt = 0;

  get state(): RewindState {
    return this.#state;
  }

  /** Id of the recording that is being made of the broadcast; undefined where none is. */
  get recording(): string | undefined {
    return this.#recording;
  }

  /** The publisher is gone, and may return. */
  get isInterrupted(): boolean {
    return this.#isInterrupted;
  }

  /**
   * Takes an answer in.
   *
   * @param facts - undefined where there is no such stream
   * @param now - by the server's clock
   */
  tell(facts: StreamFacts | undefined, now: WallTime): void {
    if (facts === undefined || facts.state === 'offline') {
      this.#state = 'none';
      this.#broadcast = undefined;
      return;
    }
    const isSame = facts.broadcast === this.#broadcast;
    this.#broadcast = facts.broadcast;
    this.#recording = facts.recorded ? facts.broadcast : undefined;
    this.#isInterrupted = facts.state === 'interrupted';
    if (facts.rewind === undefined) {
      this.#state = isSame && this.#state !== 'none' ? 'lost' : 'none';
      return;
    }
    const startedAt = Date.parse(facts.startedAt ?? '');
    this.#state = 'on';
    this.#length = facts.rewind * 1_000;
    this.#toldAt = now;
    this.#startedAt = Number.isNaN(startedAt) ? 0 : startedAt;
  }

  /** How far back there is something, the broadcast's beginning at most. */
  reach(now: WallTime): Millis {
    const grown = this.#length + Math.min(Math.max(now - this.#toldAt, 0), growsFor);
    return millis(this.#state === 'none' ? 0 : Math.max(Math.min(grown, now - this.#startedAt), 0));
  }

  /** The oldest instant that one can be sent to. */
  oldest(now: WallTime): WallTime {
    const oldest = now - this.reach(now);
    return wallTime(oldest - this.#startedAt > movesBeyond ? oldest + oldestMargin : oldest);
  }
}
