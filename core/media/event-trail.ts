import { VIDEO_TIMESCALE, type Ticks } from './time.ts';
import type { TimedEvent } from './timed-event.ts';

/** More than a source carries in the seconds that any track made of it may be behind. */
const KEPT = 256;

/**
 * Seconds after which a message is not made up for any more: those who watch have passed the hole in which its frame was lost,
 * and a track that comes anew does not tell of the past.
 */
const MAX_LATE_SECONDS = 4;

/** The messages on a source's frames, for the tracks that are made of it. */
export class EventTrail {
  readonly #events: TimedEvent[] = [];
  #dropped = 0;

  /** Takes a source frame's messages, in the order in which the frames come. */
  add(events: readonly TimedEvent[] | undefined): void {
    if (events !== undefined) {
      this.#events.push(...events);
      this.#dropped += this.#events.splice(0, Math.max(0, this.#events.length - KEPT)).length;
    }
  }

  /** The messages from the n-th on that are still here, and the number of the next one to come. */
  since(n: number): { readonly events: readonly TimedEvent[]; readonly next: number } {
    return { events: this.#events.slice(Math.max(0, n - this.#dropped)), next: this.#dropped + this.#events.length };
  }
}

/** Puts a trail's messages on the frames of one track, each once. */
export class EventRider {
  readonly #trail: EventTrail;
  #next = 0;
  #waiting: TimedEvent[] = [];

  constructor(trail: EventTrail) {
    this.#trail = trail;
  }

  /**
   * The messages for the next frame that is given out: those of its time, and earlier ones for which there was no frame. Undefined where
   * there are none. A message that comes so late that the frame of its time is out has the next one.
   *
   * @param start pts of the frame, in ticks of 90 kHz.
   * @param end where the next one begins.
   */
  take(start: Ticks, end: Ticks): readonly TimedEvent[] | undefined {
    const { events, next } = this.#trail.since(this.#next);
    this.#next = next;
    if (events.length === 0 && this.#waiting.length === 0) {
      return undefined;
    }
    const earliest = start - MAX_LATE_SECONDS * VIDEO_TIMESCALE;
    const known = [...this.#waiting, ...events].slice(-KEPT);
    this.#waiting = known.filter(({ pts }) => pts >= end && pts > start);
    const due = known.filter((event) => !this.#waiting.includes(event) && event.pts > earliest);
    return due.length === 0 ? undefined : due;
  }
}
