/** A worker that has run for so long may end without making its successor wait. */
const STEADY_MILLIS = 10_000;
/** Else the next one waits, each time twice as long. */
const FIRST_PAUSE_MILLIS = 500;
const LONGEST_PAUSE_MILLIS = 30_000;

/** What {@link WorkerPlaces} works with. Places are numbered from 1. */
export type WorkerPlacesOptions<W> = {
  readonly size: number;
  /** Starts a worker; what it throws counts as a worker that ended at once. */
  readonly start: (place: number) => W;
  /** A worker has ended by itself; another comes after `pause` milliseconds. Not told while all are being closed. */
  readonly replaced: (place: number, pause: number) => void;
  /** One could not be started. */
  readonly failed: (error: unknown) => void;
};

type Place<W> = { readonly number: number; worker: W | undefined; pause: number; timer: NodeJS.Timeout | undefined };

/** So many workers, of which one that ends is followed by another: after half a second, doubled up to 30 s while they do not last 10 s. */
export class WorkerPlaces<W extends { readonly ended: Promise<unknown> }> {
  readonly #options: WorkerPlacesOptions<W>;
  readonly #places: readonly Place<W>[];
  #restarts = 0;
  #isClosing = false;

  constructor(options: WorkerPlacesOptions<W>) {
    this.#options = options;
    this.#places = Array.from({ length: options.size }, (_, at) => ({ number: at + 1, worker: undefined, pause: FIRST_PAUSE_MILLIS, timer: undefined }));
    this.#places.forEach((place) => this.#start(place));
  }

  /** By place; undefined where the next one waits. */
  get byPlace(): readonly (W | undefined)[] {
    return this.#places.map(({ worker }) => worker);
  }

  /** Those that run. */
  get running(): readonly W[] {
    return this.#places.flatMap(({ worker }) => worker ?? []);
  }

  /** Workers that were started again. */
  get restarts(): number {
    return this.#restarts;
  }

  /** From now on none is started. Whoever runs is the caller's to end. */
  stop(): void {
    this.#isClosing = true;
    this.#places.forEach(({ timer }) => clearTimeout(timer));
  }

  #start(place: Place<W>): void {
    const startedAt = performance.now();
    try {
      const worker = this.#options.start(place.number);
      place.worker = worker;
      void worker.ended.then(() => this.#ended(place, performance.now() - startedAt));
    } catch (error) {
      this.#options.failed(error);
      this.#startLater(place);
    }
  }

  #ended(place: Place<W>, lived: number): void {
    place.worker = undefined;
    if (this.#isClosing) {
      return;
    }
    if (lived >= STEADY_MILLIS) {
      place.pause = FIRST_PAUSE_MILLIS;
    }
    this.#options.replaced(place.number, place.pause);
    this.#startLater(place);
  }

  #startLater(place: Place<W>): void {
    place.timer = setTimeout(() => {
      this.#restarts += 1;
      this.#start(place);
    }, place.pause);
    place.timer.unref();
    place.pause = Math.min(2 * place.pause, LONGEST_PAUSE_MILLIS);
  }
}
