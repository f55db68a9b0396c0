import { millis, type Millis } from '../../../media/time.ts';

/** What a link does, from some moment on. */
export type LinkConditions = {
  /** Bits per second of the bottleneck; Infinity for none. */
  readonly capacity: number;
  /** Bytes that wait in front of it at most; what comes beyond is dropped. */
  readonly queueBytes: number;
  /** One way, in ms. */
  readonly delay: number;
  /** Added at random to each packet, 0 up to this, in ms. Packets do not overtake each other. */
  readonly jitter: number;
  /** Share lost at random. */
  readonly loss: number;
  /** Bits per second of somebody else's packets in the same queue. */
  readonly competing: number;
  /** Every 700 ms nothing arrives for so many ms, then all of it at once, as over radio and on busy machines. */
  readonly stall: number;
  /** Bytes that pass at once after a pause: a token bucket in place of a line. 0 for a line. */
  readonly bucketBytes: number;
};

const STALL_INTERVAL = 700;

/** An ample line: 100 Mbit/s, 10 ms. */
export const AMPLE: LinkConditions = { capacity: 100e6, queueBytes: 1e6, delay: 10, jitter: 0, loss: 0, competing: 0, stall: 0, bucketBytes: 0 };

/** One direction of a link: queue, bottleneck, delay, jitter, loss. Deterministic: its chance comes from a seed. */
export class Link<Packet> {
  #conditions: LinkConditions = AMPLE;
  #freeAt = 0;
  #tokensAt = 0;
  #tokens = 0;
  #competedAt = 0;
  #lastArrival = 0;
  readonly #underway: { readonly at: number; readonly packet: Packet }[] = [];
  readonly #random: () => number;
  dropped = 0;

  constructor(seed = 1) {
    this.#random = seededRandom(seed);
  }

  set(conditions: Partial<LinkConditions>, now: Millis): void {
    this.#freeAt = Math.max(now, now + ((this.#freeAt - now) * this.#conditions.capacity) / (conditions.capacity ?? this.#conditions.capacity));
    this.#conditions = { ...this.#conditions, ...conditions };
  }

  /** What waits in front of the bottleneck, as time. */
  queueDelay(now: Millis): Millis {
    return millis(Math.max(0, this.#freeAt - now));
  }

  push(packet: Packet, bytes: number, now: Millis): void {
    const { capacity, queueBytes, delay, jitter, loss, competing, stall, bucketBytes } = this.#conditions;
    this.#freeAt += (competing * Math.max(0, now - this.#competedAt)) / capacity;
    this.#competedAt = now;
    // Tokens gather only while the line is idle.
    const idle = Math.max(0, now - Math.max(this.#tokensAt, this.#freeAt));
    this.#tokens = Math.min(bucketBytes, this.#tokens + (idle * capacity) / 8000);
    this.#tokensAt = now;
    this.#freeAt = Math.max(this.#freeAt, now);
    if (((this.#freeAt - now) * capacity) / 8000 + bytes > queueBytes || this.#random() < loss) {
      this.dropped += 1;
      return;
    }
    if (this.#tokens >= bytes) {
      this.#tokens -= bytes;
    } else {
      this.#freeAt += (bytes * 8000) / capacity;
    }
    let at = Math.max(this.#freeAt + delay + this.#random() * jitter, this.#lastArrival);
    if (at % STALL_INTERVAL < stall) {
      at += stall - (at % STALL_INTERVAL);
    }
    this.#lastArrival = at;
    this.#underway.push({ at, packet });
  }

  /** Hands out what has arrived by now, each with the moment of its arrival. */
  arrived(now: Millis, take: (packet: Packet, at: Millis) => void): void {
    while (this.#underway[0] !== undefined && this.#underway[0].at <= now) {
      const { at, packet } = this.#underway.shift()!;
      take(packet, millis(at));
    }
  }
}

/** mulberry32: numbers in [0, 1). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
