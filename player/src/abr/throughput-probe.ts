import { millis } from '#core/media/time.ts';
import type { Millis } from '#core/media/time.ts';
import type { Transfer } from './throughput.ts';

/** A probe ends after this many bytes, ... */
const enough = 160_000;

/** ... or this long after its first byte: it takes the link from the parts. */
const longest = 700;

/**
 * Measures a link while it is filled: counts a download's bytes and takes the rate of their second half, when what a
 * token bucket lets pass at once is used up.
 */
export class ThroughputProbe {
  readonly #points: { readonly at: Millis; readonly bytes: number }[] = [];
  readonly #others: Transfer[] = [];
  #bytes = 0;

  /** Takes received bytes in. True when the probe is over. */
  received(now: Millis, bytes: number): boolean {
    this.#bytes += bytes;
    this.#points.push({ at: now, bytes: this.#bytes });
    const first = this.#points[0];
    return this.#bytes >= enough || (first !== undefined && now - first.at >= longest);
  }

  /** Takes in what else was loaded while the probe was on its way: it had its share of the link. */
  alongside(transfer: Transfer): void {
    this.#others.push(transfer);
  }

  /** Bits per second of the whole link, or undefined when too little came to tell. */
  get throughput(): number | undefined {
    const tail = this.tail;
    if (tail === undefined) {
      return undefined;
    }
    const others = this.#others.reduce((sum, other) => sum + bytesWithin(other, tail.start, tail.end), 0);
    return ((tail.bytes + others) * 8_000) / (tail.end - tail.start);
  }

  /** The second half of the download, for the {@link ThroughputEstimator}; undefined when too little came to tell. */
  get tail(): Transfer | undefined {
    const last = this.#points.at(-1);
    const half = this.#points.find((point) => point.bytes >= this.#bytes / 2);
    if (last === undefined || half === undefined) {
      return undefined;
    }
    if (last === half) {
      // All in one go: as quick as can be told, if it was much.
      return this.#bytes >= enough / 2 ? { start: half.at, firstByte: half.at, end: millis(half.at + 1), bytes: this.#bytes } : undefined;
    }
    const end = millis(Math.max(last.at, half.at + 1));
    return { start: half.at, firstByte: half.at, end, bytes: last.bytes - half.bytes };
  }
}

/** The bytes of a download that came between two instants, if they came evenly. */
function bytesWithin({ firstByte, end, bytes }: Transfer, from: number, to: number): number {
  const overlap = Math.min(end, to) - Math.max(firstByte, from);
  return overlap <= 0 ? 0 : bytes * Math.min(overlap / Math.max(end - firstByte, 1), 1);
}
