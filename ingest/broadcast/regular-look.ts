import type { Millis } from '#core/media/time.ts';

/** A look that comes later than this shows that the process was held up. */
const LATE = 500;

/** Calls back every so often while it is on. After the process was held up one call is left out: what came meanwhile is read first, before anybody is judged. */
export class RegularLook {
  readonly #look: () => void;
  readonly #every: Millis;
  readonly #monotonic: () => Millis;
  #timer: NodeJS.Timeout | undefined;
  #at = 0;

  constructor(look: () => void, every: Millis, monotonic: () => Millis) {
    this.#look = look;
    this.#every = every;
    this.#monotonic = monotonic;
  }

  get isOn(): boolean {
    return this.#timer !== undefined;
  }

  /** Idempotent. */
  start(): void {
    if (!this.#timer) {
      this.#at = this.#monotonic();
      this.#timer = setInterval(() => this.#tick(), this.#every);
      this.#timer.unref();
    }
  }

  /** Idempotent. */
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #tick(): void {
    const now = this.#monotonic();
    const isLate = now - this.#at > this.#every + LATE;
    this.#at = now;
    if (!isLate) {
      this.#look();
    }
  }
}
