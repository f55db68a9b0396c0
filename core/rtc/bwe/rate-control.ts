import { millis, type Millis } from '../../media/time.ts';
import type { Usage } from './trendline.ts';

/** gcc-02, 5.5: on over-use the rate falls to this share of what arrives. */
const BETA = 0.85;
/** gcc-02, 5.5: growth in a second, far from where the last over-use was. */
const GROWTH = 0.08;
/** gcc-02, 5.5: "bounded by 1.5 times" what arrives, so that an application that sends little does not grow it for ever. */
const HEADROOM = 1.5;
const HEADROOM_BITS = 10_000;
/** Near the rate of the last over-use growth is one packet in a response time. */
const PACKET_BITS = 9600;
const RESPONSE = 100;
/** How near: within three deviations of a mean that forgets a twentieth each time. */
const FORGET = 0.05;

/** Bits per second that arrived: over half a second, and over the last moments. */
export type ArrivalRate = { readonly steady: number; readonly recent: number };

/** What the delays say: the trend, and whether so much waits that what arrives is all that the path carries. */
export type DelayState = { readonly usage: Usage; readonly heavy: boolean };

/** Additive increase, multiplicative decrease (gcc-02, 5.5), in bits per second. */
export class RateControl {
  #estimate: number;
  readonly #least: number;
  readonly #most: number;
  #increasedAt = Number.NaN;
  #decreasedAt = Number.NEGATIVE_INFINITY;
  #capacity: number | undefined;
  #deviation = 0.4;

  constructor(initial: number, least: number, most: number) {
    this.#least = least;
    this.#most = most;
    this.#estimate = Math.min(Math.max(initial, least), most);
  }

  get estimate(): number {
    return this.#estimate;
  }

  /** When it last went down. */
  get decreasedAt(): number {
    return this.#decreasedAt;
  }

  /** Follows what the delays say, unless `mayGrow` is false upwards too. @returns whether the estimate went down. */
  update({ usage, heavy }: DelayState, arrivalRate: ArrivalRate, mayGrow: boolean, rtt: Millis, now: Millis): boolean {
    if (usage === 'over') {
      this.#increasedAt = Number.NaN;
      return this.#onOveruse(Math.max(arrivalRate.steady, arrivalRate.recent), heavy, rtt, now);
    }
    if (usage === 'under' || !mayGrow) {
      // The queue drains: growing now would only fill it again.
      this.#increasedAt = Number.NaN;
      return false;
    }
    this.#grow(arrivalRate.steady, rtt, now);
    return false;
  }

  /** A measurement shows that at least so much gets through. */
  raise(rate: number): void {
    this.#estimate = Math.min(Math.max(this.#estimate, rate), this.#most);
    if (this.#capacity !== undefined && rate > this.#capacity * (1 + 3 * this.#deviation)) {
      this.#capacity = undefined;
    }
  }

  /** Something else than delay sets a bound. @returns whether the estimate went down. */
  lower(rate: number, now: Millis): boolean {
    const bound = Math.max(rate, this.#least);
    if (bound >= this.#estimate) {
      return false;
    }
    this.#estimate = bound;
    this.#decreasedAt = now;
    this.#increasedAt = Number.NaN;
    return true;
  }

  /** Starts anew from an estimate. */
  reset(estimate: number): void {
    this.#estimate = Math.min(Math.max(estimate, this.#least), this.#most);
    this.#capacity = undefined;
    this.#increasedAt = Number.NaN;
    this.#decreasedAt = Number.NEGATIVE_INFINITY;
  }

  #onOveruse(arrivalRate: number, heavy: boolean, rtt: Millis, now: Millis): boolean {
    // What a decrease did shows a round trip later at the earliest.
    const soon = now - this.#decreasedAt < rtt + RESPONSE;
    if (arrivalRate <= 0 || (soon && !(heavy && arrivalRate < this.#estimate / 2))) {
      return false;
    }
    if (!heavy) {
      // Little waits, so more than what arrives may get through: an application that sends little does not lose all that was found.
      return this.lower(Math.max(BETA * this.#estimate, arrivalRate), now);
    }
    this.#learn(arrivalRate);
    return this.lower(BETA * arrivalRate, now);
  }

  /** What arrived while the queue grew is what the bottleneck gives. */
  #learn(arrivalRate: number): void {
    const known = this.#capacity;
    if (known === undefined || Math.abs(arrivalRate - known) > 3 * this.#deviation * known) {
      this.#capacity = arrivalRate;
      this.#deviation = 0.1;
      return;
    }
    const off = Math.abs(arrivalRate - known) / known;
    this.#capacity = (1 - FORGET) * known + FORGET * arrivalRate;
    this.#deviation = Math.min(Math.max((1 - FORGET) * this.#deviation + FORGET * off, 0.02), 0.15);
  }

  #grow(arrivalRate: number, rtt: Millis, now: Millis): void {
    const since = Number.isNaN(this.#increasedAt) ? millis(0) : millis(Math.min(now - this.#increasedAt, 1000));
    this.#increasedAt = now;
    if (this.#capacity !== undefined && arrivalRate > this.#capacity * (1 + 3 * this.#deviation)) {
      this.#capacity = undefined;
    }
    const near = this.#capacity !== undefined && this.#estimate > this.#capacity * (1 - 3 * this.#deviation);
    const grown = near
      ? this.#estimate + (PACKET_BITS * since) / (rtt + RESPONSE)
      : this.#estimate * (1 + GROWTH) ** (since / 1000);
    const bound = HEADROOM * arrivalRate + HEADROOM_BITS;
    this.#estimate = Math.min(Math.max(this.#estimate, Math.min(grown, bound), arrivalRate), this.#most);
  }
}
