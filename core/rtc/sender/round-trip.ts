import { millis, type Millis } from '../../media/time.ts';

/** Weight of a new sample. More than the 1/8 of RFC 6298: there may be but one in a second. */
const WEIGHT = 1 / 4;
/** The floor is the least of this span and the one before. */
const SPAN = 5000;

/** The round trip to a peer: smoothed, and the least of the last seconds, which no queue and no busy machine is in. */
export class RoundTrip {
  #smoothed: number | undefined;
  /** Whether it is from receiver reports, and not from feedback, which the peer delays. */
  #exact = false;
  #floor = Number.POSITIVE_INFINITY;
  #floorBefore = Number.POSITIVE_INFINITY;
  #spanStart = Number.NEGATIVE_INFINITY;

  /** undefined before the first sample. */
  get value(): Millis | undefined {
    return this.#smoothed === undefined ? undefined : millis(this.#smoothed);
  }

  /** The least of the last 5 to 10 s; undefined before the first sample. */
  get least(): Millis | undefined {
    return this.#smoothed === undefined ? undefined : millis(Math.min(this.#floor, this.#floorBefore));
  }

  /** A sample from a receiver report. */
  reported(sample: Millis, now: Millis): void {
    if (!this.#exact) {
      this.reset();
      this.#exact = true;
    }
    this.#smoothed = this.#smoothed === undefined ? sample : this.#smoothed + WEIGHT * (sample - this.#smoothed);
    this.#lower(sample, now);
  }

  /** A sample from feedback, too long by what the peer waited: believed only until there is a better one. */
  heard(sample: Millis, now: Millis): void {
    if (!this.#exact) {
      this.#smoothed = Math.min(this.#smoothed ?? sample, sample);
      this.#lower(sample, now);
    }
  }

  reset(): void {
    this.#smoothed = undefined;
    this.#exact = false;
    this.#floor = Number.POSITIVE_INFINITY;
    this.#floorBefore = Number.POSITIVE_INFINITY;
    this.#spanStart = Number.NEGATIVE_INFINITY;
  }

  #lower(sample: number, now: number): void {
    if (now - this.#spanStart >= SPAN) {
      this.#floorBefore = this.#floor;
      this.#floor = sample;
      this.#spanStart = now;
    } else {
      this.#floor = Math.min(this.#floor, sample);
    }
  }
}
