import type { WallTime } from '#core/media/time.ts';

import type { SourceSample } from '../source.ts';

const SPAN = 1000;
/** Spans that a rate is taken over, and that it needs at least. */
const SPANS = 3;

type Count = { since: number; bytes: number; readonly past: number[] };

/** Bits per second of each track over the last three seconds that passed, by arrival. */
export class BitRates {
  readonly #counts = new Map<string, Count>();

  add({ kind, layer = 0, data, arrival }: SourceSample): void {
    const count = this.#of(`${kind} ${layer}`, arrival);
    count.bytes += data.length;
  }

  /** 0 before a whole second has passed. */
  read(kind: SourceSample['kind'], layer: number, now: WallTime): number {
    const { past } = this.#of(`${kind} ${layer}`, now);
    return past.length === 0 ? 0 : Math.round((past.reduce((sum, bytes) => sum + bytes, 0) * 8000) / (past.length * SPAN));
  }

  #of(track: string, now: WallTime): Count {
    const count = this.#counts.get(track) ?? { since: now, bytes: 0, past: [] };
    this.#counts.set(track, count);
    if (now - count.since >= SPANS * SPAN * 2) {
      // Paused: what came before says nothing about what comes.
      count.past.length = 0;
      count.bytes = 0;
      count.since = now;
    }
    for (; now - count.since >= SPAN; count.since += SPAN) {
      count.past.push(count.bytes);
      count.bytes = 0;
      if (count.past.length > SPANS) {
        count.past.shift();
      }
    }
    return count;
  }
}
