import type { Millis } from '#core/media/time.ts';

/** One download, in milliseconds of the page's monotonic clock. */
export type Transfer = {
  /** When it was asked for. */
  readonly start: Millis;
  /** When the first byte of the answer was there. */
  readonly firstByte: Millis;
  /** When the last one was. */
  readonly end: Millis;
  readonly bytes: number;
};

/** Evidence counts half after this much time, whether the link was busy or not. */
const halfLife = 2_000;

/** And half after the link has been busy for this long since: a saturated link speaks louder than a calm one. */
const busyHalfLife = 500;

/**
 * Of the wait for the first byte, what exceeds the usual wait counts as transfer up to this much: the first bytes have
 * to cross a slow link too (a pacing middle box hands them on in ticks of some 50 ms), but a server that makes us wait
 * is no slow link.
 */
const firstByteAllowance = 30;

/** Below this much decayed busy time (ms) and bytes the estimate is not yet worth much. */
const enoughBytes = 24_000;

/** No link is believed to be faster, bits per second. A part that is there at once says "fast enough", not how fast. */
const fastest = 100_000_000;

/** Intervals kept to find out what overlaps. Audio and video load side by side, so a handful suffices. */
const keptIntervals = 16;

type Interval = { from: number; to: number };

/**
 * Throughput from the downloads of parts: bytes over the time in which at least one download was in progress. Idle time
 * between parts and time spent waiting for a part to come into being do not count, so pacing is not taken for slowness.
 * The sums decay, which makes the estimate a harmonic mean: quick to fall and careful to rise.
 */
export class ThroughputEstimator {
  #bytes = 0;
  #busy = 0;
  #evidence = 0;
  #decayedAt = 0;
  #firstByteFloor = Infinity;
  readonly #intervals: Interval[] = [];

  /** Takes a finished (or aborted) download in. Times that run backwards and empty downloads are left out. */
  add(transfer: Transfer): void {
    const { start, firstByte, end, bytes } = transfer;
    if (!(bytes > 0) || !(end >= firstByte) || !(firstByte >= start)) {
      return;
    }
    const wait = firstByte - start;
    // The floor may rise again, slowly: routes change.
    this.#firstByteFloor = Math.min(this.#firstByteFloor * 1.02, wait);
    const crossing = Math.min(Math.max(wait - this.#firstByteFloor, 0), firstByteAllowance);
    const from = firstByte - crossing;
    const busy = this.#claim(from, Math.max(end, from + 1));
    this.#decay(end, busy);
    this.#bytes += bytes;
    this.#busy += busy;
    this.#evidence += bytes;
  }

  /** Bits per second, or undefined while too little has been loaded to tell. */
  get estimate(): number | undefined {
    if (this.#evidence < enoughBytes || this.#busy <= 0) {
      return undefined;
    }
    return Math.min((this.#bytes * 8_000) / this.#busy, fastest);
  }

  /** Forgets the past: the network has changed. */
  reset(): void {
    this.#bytes = 0;
    this.#busy = 0;
    this.#evidence = 0;
    this.#firstByteFloor = Infinity;
    this.#intervals.length = 0;
  }

  #decay(now: number, busy: number): void {
    const passed = Math.max(now - this.#decayedAt, 0);
    this.#decayedAt = now;
    const factor = 2 ** -(passed / halfLife + busy / busyHalfLife);
    this.#bytes *= factor;
    this.#busy *= factor;
  }

  /** Adds an interval to those known and returns how much of it none of them had covered. */
  #claim(from: number, to: number): number {
    let uncovered = to - from;
    const merged: Interval = { from, to };
    for (let i = this.#intervals.length - 1; i >= 0; i -= 1) {
      const other = this.#intervals[i];
      if (other === undefined || other.to < from || other.from > to) {
        continue;
      }
      uncovered -= Math.min(other.to, to) - Math.max(other.from, from);
      merged.from = Math.min(merged.from, other.from);
      merged.to = Math.max(merged.to, other.to);
      this.#intervals.splice(i, 1);
    }
    this.#intervals.push(merged);
    if (this.#intervals.length > keptIntervals) {
      this.#intervals.shift();
    }
    // Two parts that end together still carry more than one does alone: never divide by nothing.
    return Math.max(uncovered, 0.25);
  }
}
