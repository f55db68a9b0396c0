import { millis, type Millis } from '../../media/time.ts';
import { ProbeCluster, SUSTAINED, TRAIN, type PathNoise } from './probe-cluster.ts';

/** Steps of a probe: to three times at the start, where nothing is known, to twice later, and gently where it keeps failing. */
const FIRST_STEP = 3;
const STEP = 2;
const GENTLE_STEP = 1.5;
const GENTLE_AFTER = 2;
/** A little further than wanted, so that what is measured is not a hair short of it. */
const MARGIN = 1.05;
/** Waits between probes: after a failure, at most, and after a decrease. */
const FIRST_WAIT = 1500;
const LONGEST_WAIT = 4000;
const LONGEST_REGRET = 8000;
const AFTER_DECREASE = 2000;
const AFTER_SUCCESS = 50;
/** How long feedback on a cluster is waited for, beside the round trip. */
const PATIENCE = 500;
/** What a failed probe left in the queue is gone and told of by then, and a round trip later: it is no sign of anything else. */
const AFTERMATH = 400;
/** A decrease so soon after a success says that the success was none. */
const REGRET = 5000;

/** What a probe has found: the path carries this much. */
export type ProbeResult = { readonly passed: boolean; readonly rate: number };

/** Whether the path is in a state to be probed, and what is known of it. */
export type ProbeConditions = {
  readonly estimate: number;
  readonly arrivalRate: number;
  readonly rtt: Millis;
  /** No over-use, no queue, no loss beyond the path's own. */
  readonly calm: boolean;
  /** {@link StandingQueue.level}; undefined before the first feedback. */
  readonly level: Millis | undefined;
};

/** Decides when to probe, how far, and what came of it. */
export class Probing {
  #demand = 0;
  #cluster: ProbeCluster | undefined;
  #nextId = 1;
  #notBefore = 0;
  #wait = FIRST_WAIT;
  #step = FIRST_STEP;
  #failedInARow = 0;
  #endedAt = Number.NEGATIVE_INFINITY;
  #passedAt = Number.NEGATIVE_INFINITY;
  #sent = 0;
  #failed = 0;

  get counts(): { readonly sent: number; readonly failed: number } {
    return { sent: this.#sent, failed: this.#failed };
  }

  setDemand(bitsPerSecond: number): void {
    this.#demand = bitsPerSecond;
  }

  get demand(): number {
    return this.#demand;
  }

  /** The cluster that is being sent or judged. */
  get cluster(): ProbeCluster | undefined {
    return this.#cluster;
  }

  /** Whether a queue that is seen now may be a probe's own doing. */
  disturbs(rtt: Millis, now: Millis): boolean {
    return this.#cluster !== undefined || now - this.#endedAt < AFTERMATH + rtt;
  }

  /** Begins a probe where one is wanted and due; gives up one that nothing is heard of. */
  poll(conditions: ProbeConditions, now: Millis): void {
    const cluster = this.#cluster;
    if (cluster !== undefined) {
      if (now - cluster.startedAt > cluster.stage.duration + conditions.rtt + PATIENCE) {
        this.#fail(now);
      }
      return;
    }
    const { estimate, arrivalRate, calm, level } = conditions;
    if (now < this.#notBefore || !calm || level === undefined || this.#demand <= estimate) {
      return;
    }
    const rate = Math.min(this.#demand * MARGIN, this.#step * Math.max(estimate, arrivalRate));
    this.#sent += 1;
    this.#cluster = new ProbeCluster(this.#takeId(), rate, TRAIN, level, now);
  }

  /** When to call {@link poll} again although nothing new is heard; undefined for not before. */
  next(rtt: Millis, now: Millis): Millis | undefined {
    const cluster = this.#cluster;
    if (cluster !== undefined) {
      return cluster.sending(now) ? now : millis(cluster.startedAt + cluster.stage.duration + rtt + PATIENCE + 1);
    }
    return this.#demand > 0 && this.#notBefore > now ? millis(this.#notBefore) : undefined;
  }

  /** Judges the cluster on what has become known. @returns the result once there is one. */
  judge(path: PathNoise, heardUntil: Millis, now: Millis): ProbeResult | undefined {
    const cluster = this.#cluster;
    const verdict = cluster?.verdict(path, heardUntil, now) ?? 'open';
    if (cluster === undefined || verdict === 'open') {
      return undefined;
    }
    const rate = Math.min(cluster.sentRate, cluster.rate);
    if (verdict === 'failed') {
      this.#fail(now);
      return { passed: false, rate };
    }
    if (cluster.stage === TRAIN) {
      this.#cluster = new ProbeCluster(this.#takeId(), cluster.rate, SUSTAINED, cluster.reference, now);
      return undefined;
    }
    this.#cluster = undefined;
    this.#failedInARow = 0;
    this.#step = Math.max(this.#step, STEP);
    this.#endedAt = now;
    this.#passedAt = now;
    this.#notBefore = now + AFTER_SUCCESS;
    return { passed: true, rate };
  }

  /** The estimate went down. */
  decreased(now: Millis): void {
    this.#step = Math.min(this.#step, STEP);
    if (now - this.#passedAt < REGRET) {
      this.#passedAt = Number.NEGATIVE_INFINITY;
      this.#wait = Math.min(this.#wait * 2, LONGEST_REGRET);
    }
    this.#forgive(now);
    this.#notBefore = Math.max(this.#notBefore, now + Math.max(AFTER_DECREASE, this.#wait));
  }

  /** Another path: all is open again. */
  reset(now: Millis): void {
    this.#cluster = undefined;
    this.#wait = FIRST_WAIT;
    this.#step = FIRST_STEP;
    this.#failedInARow = 0;
    this.#notBefore = now;
    this.#endedAt = Number.NEGATIVE_INFINITY;
    this.#passedAt = Number.NEGATIVE_INFINITY;
  }

  #fail(now: Millis): void {
    this.#cluster = undefined;
    this.#failed += 1;
    this.#failedInARow += 1;
    this.#endedAt = now;
    this.#step = this.#failedInARow > GENTLE_AFTER ? GENTLE_STEP : STEP;
    this.#forgive(now);
    this.#notBefore = now + this.#wait;
    this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT);
  }

  /** A success that has lasted makes good for the failures before it. */
  #forgive(now: Millis): void {
    if (this.#passedAt > Number.NEGATIVE_INFINITY && now - this.#passedAt >= REGRET) {
      this.#passedAt = Number.NEGATIVE_INFINITY;
      this.#wait = FIRST_WAIT;
    }
  }

  /** 16 bits, and never 0. */
  #takeId(): number {
    const id = this.#nextId;
    this.#nextId = id === 0xffff ? 1 : id + 1;
    return id;
  }
}
