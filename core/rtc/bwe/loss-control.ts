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
/** Who has not sent less by now cannot: the loss is a fact to live with. */
const GIVE_UP = 2500;
/** Weight of a lower loss in the path's own: 5 s at ten feedbacks a second. */
const RECOVERY = 0.02;
/** Fewer packets say nothing of the path's own loss. */
const LEAST_PACKETS = 50;
/** Rates over 200 ms differ by this for no reason. */
const OVERSENT = 1.05;
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
   * @param sentRate what is sent at the moment, in bits per second.
   * @param arrivalRate what arrives at the moment.
   * @returns what to send at most from now on; undefined where loss sets no bound.
   */
  update(sentRate: number, arrivalRate: number, now: Millis): number | undefined {
    const { loss, packets } = this.window.share(now);
    if (packets >= LEAST_PACKETS && loss < this.#inherent) {
      this.#inherent += RECOVERY * (loss - this.#inherent);
    }
    this.#learn(loss, packets, sentRate, now);
    // The window remembers a second; who sends no more than arrives has drawn the conclusion already.
    if (!this.excessive(now) || sentRate < OVERSENT * arrivalRate) {
      return undefined;
    }
    // The first decrease is what the state after it is compared with.
    this.#decreased ??= { at: now, loss, rate: sentRate };
    return MARGIN * arrivalRate;
  }

  #learn(loss: number, packets: number, sentRate: number, now: Millis): void {
    const before = this.#decreased;
    if (before === undefined || now - before.at < SETTLE || packets < LEAST_PACKETS) {
      return;
    }
    const fell = sentRate < FELL * before.rate;
    if (!fell && now - before.at < GIVE_UP) {
      return;
    }
    if (loss >= STAYED * before.loss) {
      this.#inherent = Math.min(Math.max(this.#inherent, loss), MOST_INHERENT);
    }
    this.#decreased = undefined;
  }

  reset(): void {
    this.window.reset();
    this.#inherent = 0;
    this.#decreased = undefined;
  }
}
