import type { Millis, WallTime } from '#core/media/time.ts';

/** One question to the server's clock: when it was sent and answered by our clock, and the instant it named. */
export type ClockSample = { readonly sent: WallTime; readonly received: WallTime; readonly server: WallTime };

/** Samples kept; an old one is worth less than a new one, because clocks drift. */
const kept = 8;

/** Drift allowed for between two clocks: a sample's error bound grows by this much per millisecond of age. */
const driftPerMillisecond = 0.0001;

/**
 * The server's clock from ours, by the sample with the smallest error bound (NTP's clock filter, RFC 5905 section 10):
 * the true offset lies within half the round trip of a sample's, so the quickest answer knows best.
 */
export class ClockOffset {
  readonly #samples: ClockSample[] = [];

  /** Takes a sample in; one whose answer came before its question (our clock was set) is left out. */
  add(sample: ClockSample): void {
    if (sample.received < sample.sent || !Number.isFinite(sample.server)) {
      return;
    }
    this.#samples.push(sample);
    if (this.#samples.length > kept) {
      this.#samples.shift();
    }
  }

  /** Forgets everything: our own clock was set. */
  reset(): void {
    this.#samples.length = 0;
  }

  get hasSample(): boolean {
    return this.#samples.length > 0;
  }

  /** How far the server's clock is ahead of ours; zero without a sample. */
  offset(now: WallTime): Millis {
    const best = this.#best(now);
    return (best === undefined ? 0 : best.server - (best.sent + best.received) / 2) as Millis;
  }

  /** Half the round trip of the sample in use, aged: the offset's error is at most this. Infinite without a sample. */
  errorBound(now: WallTime): Millis {
    const best = this.#best(now);
    return (best === undefined ? Infinity : bound(best, now)) as Millis;
  }

  #best(now: WallTime): ClockSample | undefined {
    let best: ClockSample | undefined;
    for (const sample of this.#samples) {
      if (best === undefined || bound(sample, now) <= bound(best, now)) {
        best = sample;
      }
    }
    return best;
  }
}

function bound(sample: ClockSample, now: WallTime): number {
  return (sample.received - sample.sent) / 2 + Math.max(now - sample.received, 0) * driftPerMillisecond;
}
