/** Timestamps remembered: layers of one frame arrive within a few frames of each other. */
const REMEMBERED = 8;
/** Frames closer than this, in 90 kHz ticks, by what is known of both clocks, are one: half a frame at 100 frames a second. */
const NEAR = 450;
/** So many frames in a row that differ by one number have one capture time. */
const AGREED = 6;

/**
 * Finds the constant difference between the RTP timestamps of a simulcast layer and those of the layer that leads. All
 * are stamped with one capture time plus a random number of their own (RFC 3550, 5.1), so what arrival and sender reports
 * tell within milliseconds the timestamps tell exactly, and a viewer who changes the layer sees no jump.
 */
export class TwinStamps {
  readonly #stamps: number[] = [];
  #candidate: number | undefined;
  #agreed = 0;
  #difference: number | undefined;

  /** This layer's timestamp minus the leading one's for the same frame; undefined while that is not known. */
  get difference(): number | undefined {
    return this.#difference;
  }

  /** Takes note of a timestamp of this layer. */
  note(timestamp: number): void {
    this.#stamps.push(timestamp);
    if (this.#stamps.length > REMEMBERED) {
      this.#stamps.shift();
    }
  }

  /** Compares a timestamp of this layer with those of the one that leads. `shift`: what to add to it to get the other's, as the reports tell; NaN while they do not. */
  compare(timestamp: number, reference: TwinStamps, shift: number): void {
    this.#vote(timestamp, nearest(reference.#stamps, timestamp + shift, 0), shift);
  }

  /** Compares a timestamp of the one that leads with this layer's. */
  compareReference(timestamp: number, shift: number): void {
    const own = nearest(this.#stamps, timestamp, shift);
    if (own !== undefined) {
      this.#vote(own, timestamp, shift);
    }
  }

  #vote(own: number, reference: number | undefined, shift: number): void {
    if (reference === undefined || !(Math.abs(own + shift - reference) <= NEAR)) {
      return;
    }
    const difference = own - reference;
    this.#agreed = difference === this.#candidate ? this.#agreed + 1 : 1;
    this.#candidate = difference;
    if (this.#agreed >= AGREED) {
      this.#difference = difference;
    }
  }
}

/** Of `stamps` the one that, with `shift` added, is nearest to `wanted`. */
function nearest(stamps: readonly number[], wanted: number, shift: number): number | undefined {
  return stamps.reduce<number | undefined>((best, stamp) => (best === undefined || Math.abs(stamp + shift - wanted) < Math.abs(best + shift - wanted) ? stamp : best), undefined);
}
