import { later, millis, type Millis, type Ticks, type WallTime } from '#core/media/time.ts';

import type { Groups } from './groups.ts';
import type { TimedSample } from './sample.ts';
import type { PlacedFrame } from './track-writer.ts';

/** Waits at most this long for the video that decides the group (ADR 0001, rule 3). */
const WAIT = millis(100);
/** Samples that wait, at most: 100 ms are five frames of AAC, and 24 of the fastest video. */
const MAX_WAITING = 64;

/** A frame of a track that follows, before its group is known. */
export type FollowingFrame = Omit<PlacedFrame, 'group'>;

/** What a follower works with. */
export type FollowerOptions = {
  readonly groups: Groups;
  /** The group of what can wait no longer, by pts. */
  readonly now: (pts: Ticks) => number;
  /** The frame of a sample; undefined where there is no time for it. */
  readonly stamp: (sample: TimedSample) => FollowingFrame | undefined;
  /** Its pts in 90 kHz ticks: what decides its group. */
  readonly at: (frame: FollowingFrame) => Ticks;
  readonly write: (frame: PlacedFrame) => void;
};

/**
 * A track whose groups are decided by video: sound, and the lower layers of simulcast. What may belong to a group that is yet to
 * begin waits for the video that tells.
 */
export class Follower {
  readonly #options: FollowerOptions;
  readonly #waiting: { readonly sample: TimedSample; readonly frame: FollowingFrame }[] = [];

  constructor(options: FollowerOptions) {
    this.#options = options;
  }

  /** Wall time at which {@link release} has something to do. */
  get deadline(): WallTime | undefined {
    const oldest = this.#waiting[0];
    return oldest && later(oldest.sample.arrival, WAIT);
  }

  take(sample: TimedSample): void {
    const frame = this.#options.stamp(sample);
    if (frame === undefined) {
      return;
    }
    const group = this.#waiting.length === 0 ? this.#options.groups.audio(this.#options.at(frame)) : undefined;
    if (group !== undefined) {
      this.#options.write({ ...frame, group });
      return;
    }
    this.#waiting.push({ sample, frame });
    this.release(sample.arrival);
  }

  /** Gives out what is decided, and what has waited long enough. */
  release(now: WallTime): void {
    const { groups, now: groupNow, at, write } = this.#options;
    for (let oldest = this.#waiting[0]; oldest; oldest = this.#waiting[0]) {
      const pts = at(oldest.frame);
      const overdue = this.#waiting.length > MAX_WAITING || now >= later(oldest.sample.arrival, WAIT);
      const group = groups.audio(pts) ?? (overdue ? groupNow(pts) : undefined);
      if (group === undefined) {
        return;
      }
      this.#waiting.shift();
      write({ ...oldest.frame, group });
    }
  }

  /** Gives out all that waits and begins before `until`; returns the rest, for the epoch that follows. */
  flush(until: Millis): TimedSample[] {
    const { now, at, write } = this.#options;
    const waiting = this.#waiting.splice(0);
    for (const { sample, frame } of waiting) {
      if (sample.media < until) {
        write({ ...frame, group: now(at(frame)) });
      }
    }
    return waiting.filter(({ sample }) => sample.media >= until).map(({ sample }) => sample);
  }
}
