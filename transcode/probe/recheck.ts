import { elapsed, millis, type Clock, type WallTime } from '#core/media/time.ts';
import type { LoadMeter } from '../supervisor/load.ts';

/** What a {@link Recheck} works with. */
export type RecheckOptions = {
  readonly clock: Clock;
  readonly load: LoadMeter;
  /** Whether a broadcast is on: nothing is measured beside it. */
  readonly busy: () => boolean;
  /** Measures in megapixels per second; ends soon, and rejects, where the signal says so. */
  readonly measure: (signal: AbortSignal) => Promise<number>;
  readonly onMeasured: (megapixelsPerSecond: number) => void;
  readonly onFailed: (thrown: unknown) => void;
};

/** Share of all cores in use below which a machine counts as calm. */
const CALM_LOAD = 0.3;
const CALM_FOR = millis(10_000);

/**
 * Measures the machine again, once in the life of a process and only while it is calm: a first start beside other work
 * finds too little, and would leave it at that for ever.
 */
export class Recheck {
  readonly #options: RecheckOptions;
  #calmSince: WallTime | undefined;
  #measuring: AbortController | undefined;
  #done = false;
  #settled: Promise<void> = Promise.resolve();

  constructor(options: RecheckOptions) {
    this.#options = options;
  }

  /** True once there is nothing more to do. */
  get done(): boolean {
    return this.#done;
  }

  /** Looks at the machine; called about once a second. */
  tick(): void {
    const { busy, load, clock } = this.#options;
    // Read on every tick: the meter evens out over its last readings.
    const calm = load() < CALM_LOAD && !busy();
    if (this.#measuring !== undefined) {
      if (busy()) {
        // The broadcast comes first; there is another calm hour.
        this.#measuring.abort();
      }
      return;
    }
    if (!calm || this.#done) {
      this.#calmSince = undefined;
      return;
    }
    const now = clock();
    this.#calmSince ??= now;
    if (elapsed(this.#calmSince, now) >= CALM_FOR) {
      this.#settled = this.#measure();
    }
  }

  /** Breaks a measurement off. Idempotent; settles when nothing of it runs any more. */
  async close(): Promise<void> {
    this.#done = true;
    this.#measuring?.abort();
    await this.#settled;
  }

  async #measure(): Promise<void> {
    const { measure, onMeasured, onFailed } = this.#options;
    const measuring = new AbortController();
    this.#measuring = measuring;
    this.#calmSince = undefined;
    try {
      const megapixelsPerSecond = await measure(measuring.signal);
      this.#done = true;
      onMeasured(megapixelsPerSecond);
    } catch (thrown) {
      if (!measuring.signal.aborted) {
        this.#done = true;
        onFailed(thrown);
      }
    } finally {
      this.#measuring = undefined;
    }
  }
}
