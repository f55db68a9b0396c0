import type { Millis } from '../../media/time.ts';
import { LossWindow } from './loss-window.ts';

/** gcc-02, 6: below this, loss is no reason to send less. */
const TOLERATED = 0.1;
/** No path's own loss is believed to be above this. */
const MOST_INHERENT = 0.3;
/** Loss that is still so much of what it was, though the rate fell to {@link FELL}, was not ours. */
const STAYED = 0.8;
const FELL = 0.8;
/** A second until the window holds nothing from before the decrease. */
const SETTLE = 1100;
/** Less sent than gets through: the queue that dropped packets must drain. */
const MARGIN = 0.95;

/** Finds the loss that is caused by sending too much (ADR 0007). */
export class LossControl {
  readonly window = new LossWindow();
  #inherent = 0;
  #decreased: { readonly at: number; readonly loss: number; readonly rate: number } | undefined;

  /** Share of loss that the path has on its own, whatever is sent. */
  get inherent(): number {
    return this.#inherent;
  }

  /** Whether the last second's loss is above what the path has on its own by more than is tolerated. */
  excessive(now: Millis): boolean {
    return this.window.certain(now) > this.#inherent + TOLERATED;
  }

  /**
   * Looks at the last second.
   *
   * @param sentRate what is sent, in bits per second.
   * @param arrivalRate what arrives of it.
   * @returns what to send at most from now on; undefined where loss sets no bound.
   */
  update(sentRate: number, arrivalRate: number, pause: Millis, now: Millis): number | undefined {
    const { loss, packets } = this.window.share(now);
    if (packets >= 50 && loss < this.#inherent) {
      this.#inherent = loss;
    }
    const last = this.#decreased;
    if (last !== undefined && now - last.at > SETTLE) {
      if (sentRate < FELL * last.rate) {
        this.#decreased = undefined;
        if (packets >= 50 && loss >= STAYED * last.loss) {
          this.#inherent = Math.min(loss, MOST_INHERENT);
        }
      } else if (loss < TOLERATED) {
        this.#decreased = undefined;
      }
    }
    if (!this.excessive(now) || (last !== undefined && now - last.at < pause)) {
      return undefined;
    }
    // The first decrease is what the next ones are compared with.
    this.#decreased = { at: now, loss: last?.loss ?? loss, rate: last?.rate ?? sentRate };
    return MARGIN * Math.min(arrivalRate, sentRate * (1 - loss));
  }

  reset(): void {
    this.window.reset();
    this.#inherent = 0;
    this.#decreased = undefined;
  }
}
