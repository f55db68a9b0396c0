/** A process that was still for so long may have been taken for gone: half of `NODE_SILENCE`. */
const STILL_MILLIS = 1000;

/** Notices that the process was paused: its beats did not come. */
export class Pulse {
  readonly #now: () => number;
  #beatAt: number;

  /** @param now milliseconds of a clock that is not set and does not stand still. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#beatAt = now();
  }

  /** True from a pause on until the next beat. */
  get missed(): boolean {
    return this.#now() - this.#beatAt > STILL_MILLIS;
  }

  /** Called a few times a second. */
  beat(): void {
    this.#beatAt = this.#now();
  }
}
