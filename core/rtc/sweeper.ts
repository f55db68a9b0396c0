import { millis, type Millis } from '../media/time.ts';
import type { MonotonicClock } from './monotonic.ts';

/** Deadlines are of seconds: so often is often enough, and 4,000 sessions cost a tenth of a millisecond. */
const SWEEP_MILLIS = 250;
/** A gap between sweeps counts for no more: a process that was stopped for a minute has not read its peers' packets yet. */
const MAX_GAP_MILLIS = 1000;

/** The one timer of all sessions, and the time by which their deadlines are judged. */
export class Sweeper {
  readonly #clock: MonotonicClock;
  readonly #sweep: (now: Millis) => void;
  readonly #timer: NodeJS.Timeout;
  #last: Millis;
  #forgiven = 0;

  constructor(clock: MonotonicClock, sweep: (now: Millis) => void) {
    this.#clock = clock;
    this.#sweep = sweep;
    this.#last = clock();
    this.#timer = setInterval(() => this.#tick(), SWEEP_MILLIS);
    this.#timer.unref();
  }

  /** The time for deadlines. */
  now(): Millis {
    return this.forgiving(this.#clock());
  }

  /** The time for deadlines at a reading of the clock. */
  forgiving(reading: Millis): Millis {
    return millis(reading - this.#forgiven - Math.max(0, reading - this.#last - MAX_GAP_MILLIS));
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    const reading = this.#clock();
    this.#forgiven += Math.max(0, reading - this.#last - MAX_GAP_MILLIS);
    this.#last = reading;
    this.#sweep(this.now());
  }
}
