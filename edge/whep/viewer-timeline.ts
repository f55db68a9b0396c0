import type { BroadcastId } from '#core/media/frame.ts';
import type { Millis } from '#core/media/time.ts';

/** Offsets are whole multiples of 1/6,000 s: whole ticks of 90,000 and of 48,000 alike. */
const GRAIN = 6000;

/**
 * Joins the timelines of one stream's broadcasts for a viewer who stays: RTP timestamps go on rising, in picture and sound by the same
 * offset. Within a broadcast, epochs included, the offset stays what it is.
 */
export class ViewerTimeline {
  #broadcast: BroadcastId | undefined;
  #offset = 0;
  #last: { readonly seconds: number; readonly at: Millis } | undefined;

  /** Seconds to add to presentation times of the broadcast that is being sent. */
  get offset(): number {
    return this.#offset;
  }

  /** Media of a broadcast, now at `seconds` of its timeline, are about to be sent. */
  enter(broadcast: BroadcastId, seconds: number, now: Millis): void {
    if (this.#broadcast === broadcast) {
      return;
    }
    if (this.#last !== undefined) {
      this.#offset = Math.round((this.#last.seconds + (now - this.#last.at) / 1000 - seconds) * GRAIN) / GRAIN;
    }
    this.#broadcast = broadcast;
  }

  /** A frame was sent whose presentation time, offset included, is `seconds`. */
  sent(seconds: number, now: Millis): void {
    if (this.#last === undefined || seconds > this.#last.seconds) {
      this.#last = { seconds, at: now };
    }
  }
}
