import { millis } from '#core/media/time.ts';
import type { Millis } from '#core/media/time.ts';

/** What a {@link JitterTarget} looks at, of the time since the last look. */
export type JitterInput = {
  /** Any monotonic clock. */
  readonly now: Millis;
  /** Pictures that froze. */
  readonly freezes: number;
  /** Standard deviation of the time between two pictures, and its mean. */
  readonly unevenness: Millis | undefined;
  readonly interval: Millis | undefined;
  /** Packets that were asked for again, and that never came. */
  readonly nacks: number;
  readonly lost: number;
  /** Interarrival jitter (RFC 3550, 6.4.1). */
  readonly jitter: Millis | undefined;
  readonly roundTrip: Millis | undefined;
};

/** A freeze asks for at least this much more, ... */
const leastStep = 30;

/** ... or for half as much again as there was. Further freezes within this time are the same trouble. */
const growth = 1.5;
const sameTrouble = 1_500;

/**
 * Pictures that wait for packets sent again come late and then several at once, of which the screen shows one. Where their distance varies by more than this
 * share of its mean, that is seen as a stutter: the target rises by so much at a look, up to a round trip and some time for noticing, asking and answering.
 */
const stutter = 0.5;
const stutterStep = 15;
const askingAndAnswering = 60;

/** No more is asked for: beyond it, LL-HLS would be the better way. */
const most = 600;

/** Jitter above this makes itself seen; the browser's own estimate covers what is below. */
const evenJitter = 25;
const jitterShare = 2;

/** Without trouble for this long, the target sinks by this share each second; below the last figure it is nothing. */
const calm = 15_000;
const sinking = 0.04;
const nothing = 8;

/**
 * The least time that frames are kept back (`jitterBufferTarget`). It begins at nothing: the browser keeps back by itself what jitter asks
 * for. A freeze says that this was too little, so the target rises at once; by and by it rises where lost packets make pictures come unevenly.
 * After a while of calm it sinks slowly.
 */
export class JitterTarget {
  #target = 0;
  #troubleAt: number | undefined;
  #steppedAt: number | undefined;

  /** Milliseconds to ask for. */
  get target(): Millis {
    return millis(Math.round(this.#target));
  }

  /** Looks at what has happened, about once a second, and says what to ask for. */
  step(input: JitterInput): Millis {
    const passed = this.#steppedAt === undefined ? 0 : Math.max(input.now - this.#steppedAt, 0) / 1_000;
    this.#steppedAt = input.now;
    const fresh = this.#troubleAt === undefined || input.now - this.#troubleAt >= sameTrouble;
    if (input.freezes > 0 && fresh) {
      this.#troubleAt = input.now;
      // What is sent again comes a round trip later: a freeze beside losses needs room for that.
      const resent = input.nacks + input.lost > 0 ? (input.roundTrip ?? 0) : 0;
      this.#target = Math.min(Math.max(this.#target * growth, this.#target + leastStep, resent), most);
    } else if (input.nacks > 0 && (input.unevenness ?? 0) > stutter * (input.interval ?? Infinity)) {
      this.#troubleAt = input.now;
      this.#target = Math.max(this.#target, Math.min(this.#target + stutterStep, (input.roundTrip ?? 0) + askingAndAnswering));
    } else if (this.#troubleAt === undefined || input.now - this.#troubleAt > calm) {
      this.#target *= (1 - sinking) ** passed;
      if (this.#target < nothing) {
        this.#target = 0;
      }
    }
    const uneven = input.jitter !== undefined && input.jitter > evenJitter ? Math.min(input.jitter * jitterShare, most) : 0;
    this.#target = Math.max(this.#target, uneven);
    return this.target;
  }

  /** Another session or another path begins: what was seen of the old one no longer holds. */
  renew(): void {
    this.#target = 0;
    this.#troubleAt = undefined;
    this.#steppedAt = undefined;
  }
}
