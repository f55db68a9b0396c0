import { MillraceError } from '#core/runtime/errors.ts';

type Job = { readonly run: () => Promise<void>; readonly refuse: (error: MillraceError) => void };

/** Who waits: a poster and a thumbnail of each of so many streams. More is nobody's wish. */
const MAX_WAITING = 512;

/** Lets one job run at a time; those that somebody waits for come before the others. */
export class Turns {
  readonly #urgent: Job[] = [];
  readonly #others: Job[] = [];
  #running = false;
  #closed = false;

  /** Jobs that wait. */
  get waiting(): number {
    return this.#urgent.length + this.#others.length;
  }

  /**
   * Runs a job when its turn comes.
   *
   * @throws {MillraceError} `pictures/busy` where too many wait, `pictures/stopped`, or what the job throws.
   */
  take<T>(urgent: boolean, job: () => Promise<T>): Promise<T> {
    if (this.#closed) {
      return Promise.reject(new MillraceError('pictures/stopped', 'The server stops.'));
    }
    if (this.waiting >= MAX_WAITING) {
      return Promise.reject(new MillraceError('pictures/busy', 'Too many pictures are waiting to be made.'));
    }
    return new Promise<T>((resolve, reject) => {
      const run = (): Promise<void> => job().then(resolve, reject);
      (urgent ? this.#urgent : this.#others).push({ run, refuse: reject });
      void this.#next();
    });
  }

  /** Refuses everybody who waits, now and later. Idempotent. */
  close(): void {
    this.#closed = true;
    for (const { refuse } of [...this.#urgent.splice(0), ...this.#others.splice(0)]) {
      refuse(new MillraceError('pictures/stopped', 'The server stops.'));
    }
  }

  async #next(): Promise<void> {
    if (this.#running) {
      return;
    }
    this.#running = true;
    for (let job = this.#urgent.shift() ?? this.#others.shift(); job !== undefined; job = this.#urgent.shift() ?? this.#others.shift()) {
      await job.run();
    }
    this.#running = false;
  }
}
