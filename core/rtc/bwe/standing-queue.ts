import { millis, type Millis } from '../../media/time.ts';

/**
 * Groups whose least delay is the queue that stands now: those of so many ms, some 120 ms of pictures and sound. Counted by arrival, because
 * in a jam they arrive slower than they were sent, and by number, because a stall lets many go at once.
 */
const RECENT = 8;
const LEAST_RECENT = 3;
const RECENT_TIME = 120;
/** The least delay of the path is the least of so many spans of a second: clocks drift apart by at most 1 ms in that time. */
const SPANS = 10;
const SPAN = 1000;
/** A queue below this is not told from the scheduling of a busy receiver, nor from a route that has become a little longer. */
const LEAST_NOTABLE = 20;
/** Above this nothing but congestion is left: it is what a link of 0.8 Mbit/s gathers in 40 ms of 2 Mbit/s. */
const HEAVY = 60;
/** What has been usual on the path for some seconds is its jitter, up to a limit: a queue that lasts must not become the norm. */
const USUAL_WEIGHT = 1 / 256;
const MOST_USUAL = 40;
const UNUSUAL = 2;

/**
 * The queue in front of the bottleneck that does not go away between frames: the least delay of the last groups above the
 * least of the last ten seconds. Jitter has a low edge that stays where it is; a queue lifts it.
 */
export class StandingQueue {
  readonly #recent = new Float64Array(RECENT);
  readonly #arrivals = new Float64Array(RECENT);
  #count = 0;
  #usual = 0;
  #level = 0;
  #least = 0;
  readonly #spans = new Float64Array(SPANS).fill(Number.POSITIVE_INFINITY);
  #span = 0;
  #spanStart = Number.NaN;

  add(arrival: Millis, delay: Millis): void {
    this.#recent[this.#count % RECENT] = delay;
    this.#arrivals[this.#count % RECENT] = arrival;
    this.#count += 1;
    if (Number.isNaN(this.#spanStart)) {
      this.#spanStart = arrival;
    }
    while (arrival - this.#spanStart >= SPAN) {
      this.#spanStart = arrival - this.#spanStart >= SPAN * SPANS ? arrival : this.#spanStart + SPAN;
      this.#span = (this.#span + 1) % SPANS;
      this.#spans[this.#span] = Number.POSITIVE_INFINITY;
    }
    this.#spans[this.#span] = Math.min(this.#spans[this.#span]!, delay);
    this.#level = this.#leastRecent(arrival);
    this.#least = Math.min(...this.#spans);
    // A plain mean at first.
    this.#usual += Math.max(USUAL_WEIGHT, 1 / this.#count) * (Math.min(this.delay, MOST_USUAL) - this.#usual);
  }

  /** What {@link delay} is made by jitter alone. */
  get jitter(): Millis {
    return millis(UNUSUAL * this.#usual);
  }

  /** Whether there is a queue beyond doubt. */
  get stands(): boolean {
    return this.delay > Math.max(LEAST_NOTABLE, this.jitter);
  }

  /** Whether what the path carries is beyond doubt what arrives. */
  get heavy(): boolean {
    return this.delay > Math.max(HEAVY, 2 * this.jitter);
  }

  /** The least delay of the last groups, in the units that were put in; undefined before the first. */
  get level(): Millis | undefined {
    return this.#count === 0 ? undefined : millis(this.#level);
  }

  /** {@link level} above the least of the last ten seconds. */
  get delay(): Millis {
    return millis(this.#count === 0 ? 0 : Math.max(0, this.#level - this.#least));
  }

  reset(): void {
    this.#count = 0;
    this.#usual = 0;
    this.#spans.fill(Number.POSITIVE_INFINITY);
    this.#spanStart = Number.NaN;
  }

  #leastRecent(arrival: number): number {
    let least = Number.POSITIVE_INFINITY;
    for (let back = 1; back <= Math.min(this.#count, RECENT); back += 1) {
      const slot = (this.#count - back) % RECENT;
      if (back > LEAST_RECENT && arrival - this.#arrivals[slot]! > RECENT_TIME) {
        break;
      }
      least = Math.min(least, this.#recent[slot]!);
    }
    return least;
  }
}
