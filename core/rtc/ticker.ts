import type { Millis } from '../media/time.ts';
import { monotonicClock, type MonotonicClock } from './monotonic.ts';

/** What is due at some moment. */
export interface Ticked {
  /** Does what is due. @returns the moment of the next call, or undefined for none. Must not throw; one that does is not called again. */
  tick(now: Millis): Millis | undefined;
}

/** The grain of all moments: what is due within one is done together. */
export const TICK = 5 as Millis;

/** How a ticker waits; tests hand in their own. */
export type TickerTimer = { set(run: () => void, delay: Millis): void; clear(): void };

/**
 * One timer for everything that a thread's senders have due: moments are rounded up to a grid of 5 ms, so that thousands
 * of senders wake the thread at most 200 times a second, and not at all while nothing is due.
 */
export class Ticker {
  readonly #clock: MonotonicClock;
  readonly #timer: TickerTimer;
  /** Who is due in which slot of the grid. */
  readonly #slots = new Map<number, Set<Ticked>>();
  readonly #slotOf = new Map<Ticked, number>();
  readonly #failed: (error: unknown) => void;
  #armed = Number.POSITIVE_INFINITY;

  /** @param failed told what a call has thrown. Default: a warning of the process. */
  constructor(clock: MonotonicClock = monotonicClock, timer: TickerTimer = nodeTimer(), failed: (error: unknown) => void = warn) {
    this.#clock = clock;
    this.#timer = timer;
    this.#failed = failed;
  }

  /** Those with something due. */
  get size(): number {
    return this.#slotOf.size;
  }

  /** Has `ticked` called at a moment, or sooner where an earlier one is already asked for. */
  schedule(ticked: Ticked, at: Millis): void {
    const slot = Math.ceil(at / TICK);
    const present = this.#slotOf.get(ticked);
    if (present !== undefined) {
      if (present <= slot) {
        return;
      }
      this.cancel(ticked);
    }
    this.#slotOf.set(ticked, slot);
    const others = this.#slots.get(slot);
    if (others === undefined) {
      this.#slots.set(slot, new Set([ticked]));
    } else {
      others.add(ticked);
    }
    if (slot < this.#armed) {
      this.#arm(slot);
    }
  }

  /** Forgets what `ticked` has due. */
  cancel(ticked: Ticked): void {
    const slot = this.#slotOf.get(ticked);
    if (slot === undefined) {
      return;
    }
    this.#slotOf.delete(ticked);
    const others = this.#slots.get(slot);
    others?.delete(ticked);
    if (others?.size === 0) {
      this.#slots.delete(slot);
    }
    if (this.#slotOf.size === 0) {
      this.#armed = Number.POSITIVE_INFINITY;
      this.#timer.clear();
    }
  }

  /** Calls everybody who is due. The timer's work; tests call it by hand. */
  run(): void {
    this.#armed = Number.POSITIVE_INFINITY;
    const now = this.#clock();
    const current = Math.floor(now / TICK);
    for (const slot of [...this.#slots.keys()].sort((a, b) => a - b)) {
      if (slot > current) {
        break;
      }
      const due = this.#slots.get(slot);
      this.#slots.delete(slot);
      for (const ticked of due ?? []) {
        // Another one's call may have cancelled it, or put it off.
        if (this.#slotOf.get(ticked) === slot) {
          this.#slotOf.delete(ticked);
          this.#call(ticked, now, current);
        }
      }
    }
    const first = Math.min(...this.#slots.keys());
    if (first < this.#armed) {
      this.#arm(first);
    }
  }

  /** Whatever one does, the others in the slot are other peers', and a throw from a timer would end the process. */
  #call(ticked: Ticked, now: Millis, current: number): void {
    try {
      const next = ticked.tick(now);
      if (next !== undefined) {
        this.schedule(ticked, Math.max(next, (current + 1) * TICK) as Millis);
      }
    } catch (error) {
      this.#failed(error);
    }
  }

  #arm(slot: number): void {
    this.#armed = slot;
    // A timer may fire a fraction early: the slot would then not be due yet.
    this.#timer.set(() => this.run(), Math.max(slot * TICK - this.#clock(), 0) + 0.5 as Millis);
  }
}

function warn(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : String(error));
}

function nodeTimer(): TickerTimer {
  let handle: NodeJS.Timeout | undefined;
  return {
    set(run, delay) {
      clearTimeout(handle);
      handle = setTimeout(run, delay);
      handle.unref();
    },
    clear() {
      clearTimeout(handle);
      handle = undefined;
    },
  };
}

let threadTicker: Ticker | undefined;

/** The one ticker of this thread, on its monotonic clock. */
export function defaultTicker(): Ticker {
  threadTicker ??= new Ticker();
  return threadTicker;
}
