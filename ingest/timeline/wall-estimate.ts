import { wallTime, type Millis, type WallTime } from '#core/media/time.ts';

/** Length and number of the spans whose minima are kept: a minute in all, so that clocks which drift apart are followed. */
const SPAN = 10_000;
const SPANS = 6;
/** Milliseconds of correction for each millisecond of media (ADR 0001, rule 8: at most 1 ms/s). */
const SLEW = 1 / 1000;
/** Groups whose offset is remembered: tracks open the same group a moment apart. */
const REMEMBERED = 8;

/**
 * Estimates when a group's first frame left the camera: an affine function of pts, whose offset is the least
 * (arrival - pts) of the last minute. It is slewed by at most 1 ms/s and changed at groups only, so players that
 * measure their latency against it see no steps.
 */
export class WallEstimate {
  #spans: { readonly number: number; least: number }[] = [];
  #offset: number | undefined;
  #changedAt = 0;
  readonly #groups = new Map<number, number>();

  /** Takes note of a frame's arrival. `pts`: on the broadcast's timeline. */
  observe(pts: Millis, arrival: WallTime): void {
    const number = Math.floor(pts / SPAN);
    const newest = this.#spans[this.#spans.length - 1];
    if (newest && newest.number >= number) {
      newest.least = Math.min(newest.least, arrival - pts);
      return;
    }
    this.#spans.push({ number, least: arrival - pts });
    this.#spans = this.#spans.filter((span) => span.number > number - SPANS);
  }

  /** The timeline was moved: what was pts p is p + `by` from here on. */
  moved(by: Millis): void {
    this.#spans.forEach((span) => {
      span.least -= by;
    });
    this.#groups.clear();
    this.#changedAt += by;
    if (this.#offset !== undefined) {
      this.#offset -= by;
    }
  }

  /** Wall time of a group's first pts. The same group gets the same offset from every track. */
  ofGroup(group: number, pts: Millis): WallTime {
    const known = this.#groups.get(group);
    if (known !== undefined) {
      return wallTime(pts + known);
    }
    const target = this.#spans.reduce((least, span) => Math.min(least, span.least), Infinity);
    if (this.#offset === undefined) {
      this.#offset = Number.isFinite(target) ? target : 0;
    } else {
      const most = Math.max(0, pts - this.#changedAt) * SLEW;
      this.#offset += Math.min(most, Math.max(-most, target - this.#offset));
    }
    this.#changedAt = Math.max(this.#changedAt, pts);
    this.#groups.set(group, this.#offset);
    if (this.#groups.size > REMEMBERED) {
      this.#groups.delete(Math.min(...this.#groups.keys()));
    }
    return wallTime(pts + this.#offset);
  }
}
