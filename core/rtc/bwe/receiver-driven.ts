import type { Millis } from '../../media/time.ts';
import type { RateControl } from './rate-control.ts';

/** gcc-02, 6: up by 8 % below 2 % of loss (in a second), down by half of the loss above 10 %. */
const LITTLE = 0.02;
const MUCH = 0.1;
const GROWTH = 0.08;
/** Loss that stays though the rate went down by so much is the path's own. */
const BELIEVED = 3000;

/** The estimate where there is no transport-wide feedback: from receiver reports, and REMB where the peer sends it. */
export class ReceiverDriven {
  readonly #rate: RateControl;
  #remb: { readonly bitrate: number; readonly at: number } | undefined;
  #reportedAt = Number.NaN;
  #loss = 0;

  constructor(rate: RateControl) {
    this.#rate = rate;
  }

  /** Share of loss in the last report. */
  get loss(): number {
    return this.#loss;
  }

  /** Whether the peer's own estimate is known and not out of date. */
  rembed(now: Millis): boolean {
    return this.#remb !== undefined && now - this.#remb.at < BELIEVED;
  }

  /** REMB: the receiver has measured the delays itself. */
  remb(bitrate: number, now: Millis): boolean {
    this.#remb = { bitrate, at: now };
    if (bitrate < this.#rate.estimate) {
      return this.#rate.lower(bitrate, now);
    }
    if (this.#loss <= MUCH) {
      this.#rate.raise(bitrate);
    }
    return false;
  }

  /**
   * A receiver report.
   *
   * @param bound where growth ends: what the application has a use for.
   * @returns whether the estimate went down.
   */
  report(loss: number, bound: number, now: Millis): boolean {
    const since = Number.isNaN(this.#reportedAt) ? 0 : Math.min(now - this.#reportedAt, 2000);
    this.#reportedAt = now;
    this.#loss = loss;
    if (loss > MUCH) {
      return this.#rate.lower(this.#rate.estimate * (1 - loss / 2), now);
    }
    if (loss < LITTLE && !this.rembed(now)) {
      this.#rate.raise(Math.min(this.#rate.estimate * (1 + GROWTH) ** (since / 1000), bound));
    }
    return false;
  }

  reset(): void {
    this.#remb = undefined;
    this.#reportedAt = Number.NaN;
    this.#loss = 0;
  }
}
