/** So long nothing came, while no publisher is there: what was sent has all been fed. */
const IDLE_MILLIS = 300;

/**
 * Notices that an interrupted broadcast is silent. The word alone does not tell: its last frames may come after it, and where only the registry is away,
 * frames go on as before.
 */
export class Idle {
  readonly #onIdle: () => void;
  #timer: NodeJS.Timeout | undefined;
  #isInterrupted = false;

  constructor(onIdle: () => void) {
    this.#onIdle = onIdle;
  }

  /** Told whether a publisher is sending. */
  changed(isInterrupted: boolean): void {
    this.#isInterrupted = isInterrupted;
    this.came();
  }

  /** Something came. */
  came(): void {
    clearTimeout(this.#timer);
    if (this.#isInterrupted) {
      this.#timer = setTimeout(this.#onIdle, IDLE_MILLIS);
    }
  }

  /** Idempotent. */
  close(): void {
    this.#isInterrupted = false;
    clearTimeout(this.#timer);
  }
}
