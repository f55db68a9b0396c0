import type { Snapshot } from '../session/snapshot.ts';

/** One second of the player's life, in the units that plots show. Null where a way does not know it. */
export type Sample = {
  /** Seconds since the page was opened. */
  readonly at: number;
  /** Milliseconds. */
  readonly latency: number | null;
  readonly targetLatency: number | null;
  readonly buffer: number | null;
  readonly jitterBuffer: number | null;
  readonly jitterBufferTarget: number | null;
  readonly roundTrip: number | null;
  /** Per cent. */
  readonly loss: number | null;
  /** Megabits per second. */
  readonly estimate: number | null;
  readonly received: number | null;
  /** Lines of the rendition shown. */
  readonly rung: number | null;
  /** Times that the picture stood still, in all. */
  readonly stalls: number;
};

/** What a plot can draw. */
export type SampleKey = Exclude<keyof Sample, 'at'>;

/** How far back samples go, seconds. */
export const historyLength = 120;

/** Reads a sample out of the player's state. `at`: milliseconds since the page was opened. */
export function sampleOf(snapshot: Snapshot, at: number): Sample {
  const { network, engine } = snapshot;
  const overHttp = engine === 'hls' || engine === 'native' || engine === 'dash';
  const rung = snapshot.levels[snapshot.level];
  return {
    at: at / 1_000,
    latency: times(snapshot.latency, 1_000),
    targetLatency: times(snapshot.targetLatency, 1_000),
    buffer: overHttp ? snapshot.buffer * 1_000 : null,
    jitterBuffer: times(network?.jitterBuffer, 1_000),
    jitterBufferTarget: times(network?.jitterBufferTarget, 1_000),
    roundTrip: times(network?.roundTrip, 1_000),
    loss: times(network?.loss, 100),
    estimate: times(network === null ? snapshot.throughput : network.estimate, 1e-6),
    received: times(network?.received, 1e-6),
    rung: rung === undefined || rung.height === 0 ? null : rung.height,
    stalls: snapshot.stalls,
  };
}

/** The samples of the last two minutes, the oldest first. A second may be missing: hidden pages are slowed down by the browser. */
export class History {
  #samples: readonly Sample[] = [];

  /** A new list after each {@link add}. */
  get samples(): readonly Sample[] {
    return this.#samples;
  }

  /** Adds a sample, and forgets what is too old. */
  add(sample: Sample): void {
    const oldest = sample.at - historyLength;
    // Timers may fire in a burst when a page wakes: the count is bounded too.
    this.#samples = [...this.#samples, sample].filter(({ at }) => at >= oldest).slice(-(historyLength + 1));
  }
}

function times(value: number | null | undefined, factor: number): number | null {
  return value === null || value === undefined ? null : value * factor;
}
