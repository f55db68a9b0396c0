import { millis, type Millis } from '../../media/time.ts';

/** Groups in the line: about 300 ms of pictures and sound. */
const WINDOW = 20;
/** Weight of the past in the smoothed delay. With 0.9 a line over 20 groups ignores what a single one does. */
const SMOOTHING = 0.9;
/** Makes the slope comparable with the threshold: the draft's units of milliseconds over up to 60 groups, times 4. */
const GAIN = 4;
const MOST_GROUPS = 60;

/** gcc-02, 5.4: the threshold goes up slower than down, per millisecond of time and of distance. As in the reference implementation. */
const RISE = 0.0087;
const FALL = 0.039;
const LEAST_THRESHOLD = 6;
const MOST_THRESHOLD = 600;
/** Peaks this far above the threshold do not move it: a path change, say. */
const PEAK = 15;
/** Over-use must last so long, and for more than one group. */
const OVERUSE_TIME = 10;

/** What the delays say of the path. */
export type Usage = 'normal' | 'over' | 'under';

/** The slope of the delay over the last groups, and what it means against a threshold that adapts itself (gcc-02, 5.3 and 5.4). */
export class Trendline {
  readonly #times = new Float64Array(WINDOW);
  readonly #delays = new Float64Array(WINDOW);
  #count = 0;
  #first: { readonly arrival: number; readonly delay: number } | undefined;
  #smoothed = 0;
  #trend = 0;
  #threshold = 12.5;
  #thresholdAt = Number.NaN;
  #lastArrival = 0;
  #overFor = -1;
  #overCount = 0;
  #usage: Usage = 'normal';

  get usage(): Usage {
    return this.#usage;
  }

  /** Takes the next group. */
  add(arrival: Millis, delay: Millis): Usage {
    this.#first ??= { arrival, delay };
    const between = this.#count === 0 ? 0 : arrival - this.#lastArrival;
    this.#lastArrival = arrival;
    this.#smoothed = this.#count === 0 ? 0 : SMOOTHING * this.#smoothed + (1 - SMOOTHING) * (delay - this.#first.delay);
    const slot = this.#count % WINDOW;
    this.#times[slot] = arrival - this.#first.arrival;
    this.#delays[slot] = this.#smoothed;
    this.#count += 1;
    if (this.#count >= WINDOW) {
      this.#detect(this.#slope(), between, arrival);
    }
    return this.#usage;
  }

  reset(): void {
    this.#count = 0;
    this.#first = undefined;
    this.#smoothed = 0;
    this.#trend = 0;
    this.#threshold = 12.5;
    this.#thresholdAt = Number.NaN;
    this.#overFor = -1;
    this.#overCount = 0;
    this.#usage = 'normal';
  }

  /** Least squares. */
  #slope(): number {
    let time = 0;
    let delay = 0;
    for (let i = 0; i < WINDOW; i += 1) {
      time += this.#times[i]!;
      delay += this.#delays[i]!;
    }
    time /= WINDOW;
    delay /= WINDOW;
    let numerator = 0;
    let denominator = 0;
    for (let i = 0; i < WINDOW; i += 1) {
      const x = this.#times[i]! - time;
      numerator += x * (this.#delays[i]! - delay);
      denominator += x * x;
    }
    return denominator === 0 ? 0 : numerator / denominator;
  }

  #detect(slope: number, between: number, arrival: Millis): void {
    const before = this.#trend;
    const trend = Math.min(this.#count, MOST_GROUPS) * slope * GAIN;
    this.#trend = trend;
    if (trend > this.#threshold) {
      this.#overFor = this.#overFor < 0 ? between / 2 : this.#overFor + between;
      this.#overCount += 1;
      if (this.#overFor > OVERUSE_TIME && this.#overCount > 1 && trend >= before) {
        this.#overFor = 0;
        this.#overCount = 0;
        this.#usage = 'over';
      }
    } else {
      this.#overFor = -1;
      this.#overCount = 0;
      this.#usage = trend < -this.#threshold ? 'under' : 'normal';
    }
    this.#adapt(Math.abs(trend), arrival);
  }

  #adapt(trend: number, now: number): void {
    const before = Number.isNaN(this.#thresholdAt) ? now : this.#thresholdAt;
    this.#thresholdAt = now;
    if (trend > this.#threshold + PEAK) {
      return;
    }
    const gain = trend < this.#threshold ? FALL : RISE;
    const time = millis(Math.min(Math.max(now - before, 0), 100));
    this.#threshold += gain * (trend - this.#threshold) * time;
    this.#threshold = Math.min(Math.max(this.#threshold, LEAST_THRESHOLD), MOST_THRESHOLD);
  }
}
