import { millis, type Millis } from '../../media/time.ts';

type Missing = { readonly since: Millis; asked: number; askAt: Millis; askedAt: Millis };

/** Packets overtake each other by so much on real networks: what is late by less is not asked for yet. */
const REORDERING = 8;
/** So many packets after a hole say that it is a loss. */
const REORDERED_PACKETS = 3;
/** Asked for again after a round trip, not sooner than this. */
const LEAST_INTERVAL = 20;
const MAX_ASKED = 10;
/** Holes remembered; a jump that makes more is given up from its oldest on. */
const MAX_MISSING = 1024;
/** Numbers of given-up packets that are remembered, to tell late packets from doubled ones. */
const MAX_ABANDONED = 256;
/** Round trip that is assumed before one was seen. */
const ASSUMED_RTT = 60;
/**
 * A hole is waited for during this many round trips: repairs get lost too, and giving up costs a key frame, which takes longer
 * than another repair.
 */
const ROUND_TRIPS = 5;
const LEAST_WAIT = 120;
/** What comes a quarter of a second late is no repair any more: players have frozen. */
const MOST_WAIT = 250;
/** Without NACK only reordering can fill a hole. */
const WAIT_WITHOUT_NACK = 30;

/** The holes of one stream: since when, asked for how often, and until when it makes sense to wait for them. */
export class LostPackets {
  readonly #nack: boolean;
  readonly #missing = new Map<number, Missing>();
  readonly #abandoned = new Set<number>();
  #rtt: Millis | undefined;
  #newest = -1;
  #deadline: Millis | undefined;
  #recovered = 0;

  constructor(options: { readonly nack: boolean }) {
    this.#nack = options.nack;
  }

  /** Packets missing now. */
  get size(): number {
    return this.#missing.size;
  }

  /** Packets that came because they were asked for. */
  get recovered(): number {
    return this.#recovered;
  }

  /** Smoothed time from a NACK to the packet; undefined before one was measured or suggested. */
  get rtt(): Millis | undefined {
    return this.#rtt;
  }

  /** A round trip measured elsewhere: used until one is measured here. */
  suggestRtt(rtt: Millis): void {
    this.#rtt ??= rtt;
  }

  /** How long a hole is waited for. */
  get wait(): Millis {
    const wait = ROUND_TRIPS * (this.#rtt ?? ASSUMED_RTT) + 2 * REORDERING;
    return millis(this.#nack ? Math.min(MOST_WAIT, Math.max(LEAST_WAIT, wait)) : WAIT_WITHOUT_NACK);
  }

  /** Moment at which something is to be asked for or given up; `Infinity` where nothing is missing. */
  get deadline(): Millis {
    if (this.#deadline === undefined) {
      let least = Infinity;
      const { wait } = this;
      for (const entry of this.#missing.values()) {
        least = Math.min(least, entry.since + wait, this.#nack && entry.asked < MAX_ASKED ? entry.askAt : Infinity);
      }
      this.#deadline = millis(least);
    }
    return this.#deadline;
  }

  /** Packets `from` up to but not with `to` have been overtaken by `to`. */
  note(from: number, to: number, now: Millis): void {
    this.#newest = Math.max(this.#newest, to);
    for (let sequence = from; sequence < to; sequence += 1) {
      this.#missing.set(sequence, { since: now, asked: 0, askAt: millis(now + REORDERING), askedAt: now });
    }
    for (const [sequence, entry] of this.#missing) {
      if (this.#missing.size > MAX_MISSING) {
        this.#missing.delete(sequence);
      } else if (this.#newest - sequence >= REORDERED_PACKETS && entry.asked === 0) {
        entry.askAt = millis(Math.min(entry.askAt, now));
      } else if (entry.asked === 0) {
        break;
      }
    }
    this.#deadline = undefined;
  }

  /** A packet has come after all. */
  arrived(sequence: number, now: Millis, repair: boolean): void {
    const entry = this.#missing.get(sequence);
    if (!entry) {
      return;
    }
    this.#missing.delete(sequence);
    this.#deadline = undefined;
    if (entry.asked > 0) {
      this.#recovered += 1;
    }
    // Asked for twice, it is not known which of them was answered; without RTX it may just have been late.
    if (entry.asked === 1 && repair) {
      const sample = now - entry.askedAt;
      this.#rtt = millis(this.#rtt === undefined ? sample : this.#rtt + (sample - this.#rtt) / 4);
    }
  }

  /** Sequence numbers to ask for now, in their order; they count as asked for. */
  due(now: Millis): number[] {
    if (!this.#nack || this.deadline > now) {
      return [];
    }
    const due: number[] = [];
    const interval = Math.max(LEAST_INTERVAL, (this.#rtt ?? ASSUMED_RTT) * 1.2);
    for (const [sequence, entry] of this.#missing) {
      if (entry.askAt <= now && entry.asked < MAX_ASKED) {
        entry.asked += 1;
        entry.askedAt = now;
        entry.askAt = millis(now + interval);
        due.push(sequence);
      }
    }
    this.#deadline = undefined;
    return due;
  }

  /** True where a packet is not worth waiting for any longer. */
  overdue(sequence: number, now: Millis): boolean {
    const entry = this.#missing.get(sequence);
    return entry === undefined || entry.since + this.wait <= now;
  }

  /** A packet is given up. */
  abandon(sequence: number): void {
    this.#missing.delete(sequence);
    this.#deadline = undefined;
    this.#abandoned.add(sequence);
    if (this.#abandoned.size > MAX_ABANDONED) {
      const [oldest] = this.#abandoned;
      this.#abandoned.delete(oldest ?? sequence);
    }
  }

  /** True where a packet was given up before. */
  abandoned(sequence: number): boolean {
    return this.#abandoned.has(sequence);
  }

  clear(): void {
    this.#missing.clear();
    this.#abandoned.clear();
    this.#newest = -1;
    this.#deadline = undefined;
  }
}
