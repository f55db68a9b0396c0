import { millis, type Millis } from '#core/media/time.ts';

import type { SwitchManner } from './video-path.ts';

/** What a rung takes of the path, sound included, in bits per second. */
export type RungNeed = {
  /** To go up to it: what it is meant to have, or has, whichever is more. */
  readonly planned: number;
  /** To stay on it: what it has just now. */
  readonly actual: number;
};

/** What a choice rests on. */
export type ChoiceInput = {
  readonly now: Millis;
  /** Best first. At least one. */
  readonly rungs: readonly RungNeed[];
  /** Index of the rung that is to come or, where none is, of the one that is sent; undefined before the first. */
  readonly current: number | undefined;
  /** Index of the rung that is sent; undefined where it is none of these. */
  readonly sent: number | undefined;
  /** Bits per second that the path carries. */
  readonly estimate: number;
  /** What waits before the bottleneck, here and on the way. */
  readonly queueDelay: Millis;
};

/** A rung to go to. */
export type Choice = { readonly index: number; readonly manner: SwitchManner };

/** The estimate must be so much above a rung's plan to go up to it: peaks, and what retransmission needs. */
const HEADROOM = 1.15;

/** Below this share of what a rung really takes it cannot stay. */
const SHORT = 0.95;

/** The path carries so little of the rung, or so much waits, that the next key frame is too far away. */
const COLLAPSE = 0.6;
const COLLAPSED_QUEUE = millis(250);

/** How long a shortage must last: estimates dip for a moment at each key frame. */
const SHORT_FOR = millis(400);

/** How long there must be room: a probe's echo alone is no room. */
const ROOM_FOR = millis(800);

/** Waits before the next way up: after a way down, doubled for each way up that did not hold. */
const FIRST_WAIT = millis(3000);
const LONGEST_WAIT = millis(24_000);

/** After a rung was begun at once, what still waits on the way is the old one's. */
const SETTLING = millis(1500);

/** Probes may begin so long before the next way up: the first ones find the way. */
const PROBING = millis(1000);

/** A rung that held so long has proved itself. */
const PROVEN = millis(10_000);

/** Which rung a viewer's path carries: down when it must, up when there is room for a while, and rarely back and forth. Pure. */
export class RungChoice {
  #shortSince: Millis | undefined;
  #roomSince: Millis | undefined;
  #upAt: Millis | undefined;
  #notBefore = millis(0);
  #settledAt = millis(0);
  #wait = FIRST_WAIT;

  /** The rung to go to; undefined to stay. */
  choose(input: ChoiceInput): Choice | undefined {
    const { now, rungs, current, estimate, sent = current } = input;
    if (current === undefined || sent === undefined) {
      this.#settledAt = millis(now + SETTLING);
      return current === undefined ? { index: this.#affordable(input, HEADROOM), manner: 'at-once' } : undefined;
    }
    const need = rungs[sent]?.actual ?? 0;
    if (this.#collapsed(input, need)) {
      const index = Math.max(this.#affordable(input, HEADROOM), Math.min(sent + 1, rungs.length - 1));
      this.#settledAt = millis(now + SETTLING);
      return this.#down(input, sent, { index, manner: 'at-once' });
    }
    this.#shortSince = estimate < need * SHORT ? (this.#shortSince ?? now) : undefined;
    if (this.#shortSince !== undefined && now - this.#shortSince >= SHORT_FOR && current <= sent) {
      const index = Math.max(this.#affordable(input, 1), Math.min(sent + 1, rungs.length - 1));
      return this.#down(input, sent, { index, manner: 'at-shared-idr' });
    }
    return this.#up(input, current);
  }

  /** Whether to find out what the path carries beyond the present rung: not while it is short of that, nor long before a way up may be taken. */
  mayProbe({ now, rungs, current, sent = current, estimate }: ChoiceInput): boolean {
    const need = sent === undefined ? undefined : rungs[sent]?.actual;
    return need !== undefined && estimate >= need && now >= this.#notBefore - PROBING;
  }

  /** The viewer went up by hand: proved or not like any way up. */
  wentUp(now: Millis): void {
    this.#upAt = now;
    this.#shortSince = undefined;
    this.#roomSince = undefined;
  }

  #collapsed({ now, estimate, queueDelay }: ChoiceInput, need: number): boolean {
    return (queueDelay >= COLLAPSED_QUEUE && now >= this.#settledAt) || estimate < need * COLLAPSE;
  }

  #down({ now, current }: ChoiceInput, sent: number, choice: Choice): Choice | undefined {
    this.#shortSince = undefined;
    this.#roomSince = undefined;
    if (choice.index === sent && current === sent) {
      return undefined;
    }
    const failed = this.#upAt !== undefined && now - this.#upAt < PROVEN;
    this.#wait = failed ? millis(Math.min(2 * this.#wait, LONGEST_WAIT)) : FIRST_WAIT;
    this.#notBefore = millis(now + this.#wait);
    this.#upAt = undefined;
    return choice;
  }

  #up(input: ChoiceInput, current: number): Choice | undefined {
    const { now } = input;
    const index = this.#affordable(input, HEADROOM);
    if (index >= current) {
      this.#roomSince = undefined;
      return undefined;
    }
    this.#roomSince ??= now;
    if (now - this.#roomSince < ROOM_FOR || now < this.#notBefore) {
      return undefined;
    }
    this.wentUp(now);
    return { index, manner: 'at-shared-idr' };
  }

  /** The best rung that the path carries; the last where it carries none. */
  #affordable({ rungs, estimate }: ChoiceInput, headroom: number): number {
    const index = rungs.findIndex(({ planned }) => planned * headroom <= estimate);
    return index < 0 ? rungs.length - 1 : index;
  }
}

/** What the path must be found to carry before the rung above `current` is gone up to; 0 where there is none. */
export function demandAbove(rungs: readonly RungNeed[], current: number | undefined): number {
  const next = current === undefined ? undefined : rungs[current - 1];
  return next === undefined ? 0 : Math.ceil(next.planned * HEADROOM * 1.05);
}
