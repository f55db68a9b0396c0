import { millis, type Millis } from '../../media/time.ts';

/** More packets than this are not looked at: 600 ms at 10 Mbit/s. */
const MOST_SAMPLES = 640;

/** Fewer that arrived tell nothing of a delay. */
const LEAST_ARRIVED = 4;

/** What can be said of a cluster. */
export type ProbeVerdict = 'open' | 'passed' | 'failed';

/** How a stage of a probe is made and judged. */
export type ProbeStage = {
  readonly duration: Millis;
  /** Growth of the least delay that fails it. */
  readonly tolerance: Millis;
  /** Share of loss that fails it, above the path's own, and how many packets at least. */
  readonly loss: number;
  readonly leastLost: number;
};

/** A short train: what it costs a picture on a link that cannot carry it is some 50 ms. */
export const TRAIN: ProbeStage = { duration: millis(100), tolerance: millis(15), loss: 0.2, leastLost: 3 };

/** Longer than token buckets have tokens for. */
export const SUSTAINED: ProbeStage = { duration: millis(400), tolerance: millis(12), loss: 0.1, leastLost: 4 };

/** What the path does to packets at any rate: share of loss, and mean jitter. */
export type PathNoise = { readonly loss: number; readonly jitter: Millis };

/** Packets sent for one stage of a probe, pictures and sound among them. */
export class ProbeCluster {
  readonly id: number;
  readonly rate: number;
  readonly stage: ProbeStage;
  readonly startedAt: Millis;
  /** The standing queue's level before, in the units of the delays. */
  readonly reference: Millis;
  readonly #sent: number[] = [];
  readonly #delay: number[] = [];
  #bytes = 0;
  #packets = 0;
  #lost = 0;

  constructor(id: number, rate: number, stage: ProbeStage, reference: Millis, startedAt: Millis) {
    this.id = id;
    this.rate = rate;
    this.stage = stage;
    this.reference = reference;
    this.startedAt = startedAt;
  }

  /** Whether packets sent now still belong to it. */
  sending(now: Millis): boolean {
    return now - this.startedAt < this.stage.duration;
  }

  /** Bytes that should have been sent by now beyond those that were: what to fill up with. */
  due(now: Millis): number {
    return (this.rate * Math.min(now - this.startedAt, this.stage.duration)) / 8000 - this.#bytes;
  }

  sentPacket(bytes: number): void {
    this.#bytes += bytes;
    this.#packets += 1;
  }

  arrived(sent: Millis, delay: Millis, wasMissing: boolean): void {
    if (wasMissing) {
      this.#lost -= 1;
    }
    if (this.#sent.length < MOST_SAMPLES) {
      this.#sent.push(sent);
      this.#delay.push(delay);
    }
  }

  missing(): void {
    this.#lost += 1;
  }

  /** Bits per second that were really sent. */
  get sentRate(): number {
    return (this.#bytes * 8000) / this.stage.duration;
  }

  /**
   * Judges what is known so far. A queue that grows, or loss, fails it at once; it passes when nearly all is known, or
   * half where feedback was lost.
   *
   * @param heardUntil when the newest packet that feedback has told of was sent.
   */
  verdict({ loss, jitter }: PathNoise, heardUntil: Millis, now: Millis): ProbeVerdict {
    const known = this.#sent.length + this.#lost;
    if (this.#lost >= this.stage.leastLost && this.#lost > known * (this.stage.loss + loss)) {
      return 'failed';
    }
    if (this.#growth() > Math.max(this.stage.tolerance, jitter)) {
      return 'failed';
    }
    const enough = heardUntil - this.startedAt > this.stage.duration ? 0.5 : 0.9;
    if (this.sending(now) || known < Math.min(this.#packets, MOST_SAMPLES) * enough) {
      return 'open';
    }
    return this.#sent.length >= LEAST_ARRIVED ? 'passed' : 'failed';
  }

  /** How far the least delay of the newest third is above what it was before; 0 while too little is known. */
  #growth(): number {
    const third = this.stage.duration / 3;
    const newest = this.#sent.reduce((latest, sent) => Math.max(latest, sent), 0);
    const elapsed = newest - this.startedAt;
    if (elapsed < third) {
      return 0;
    }
    let least = Number.POSITIVE_INFINITY;
    let count = 0;
    for (let i = 0; i < this.#sent.length; i += 1) {
      if (this.#sent[i]! > newest - third) {
        least = Math.min(least, this.#delay[i]!);
        count += 1;
      }
    }
    return count < LEAST_ARRIVED ? 0 : least - this.reference;
  }
}
