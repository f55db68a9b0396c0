import type { TransportFeedback } from '../../../media/rtp/rtcp/packets.ts';
import { millis, type Millis } from '../../../media/time.ts';
import { BandwidthEstimator } from '../estimator.ts';
import { FeedbackReceiver } from './feedback-receiver.ts';
import { Link, seededRandom, type LinkConditions } from './link.ts';

/** A viewer on a simulated link. */
export type ViewerOptions = {
  /** Bits per second of the rungs, lowest first. */
  readonly rungs: readonly number[];
  /** Keeps to a rung whatever the estimate says. */
  readonly fixedRung?: number;
  readonly seed?: number;
  readonly feedbackInterval?: number;
  readonly feedbackLoss?: number;
  /** Each second feedback is held back behind the next. */
  readonly feedbackReordered?: boolean;
  readonly firstSequence?: number;
  readonly initial?: number;
};

/** What was the case at a moment. */
export type Sample = { readonly at: number; readonly estimate: number; readonly rung: number; readonly queue: number; readonly sent: number };

const FRAME = 1000 / 30;
const PACKET = 1200;

/**
 * Sends 30 pictures and 50 pieces of sound a second over a {@link Link} as the product does: a picture of up to 10 packets at once, larger ones
 * paced; rungs chosen by the estimate; probes on demand. One step is a millisecond.
 */
export class SimulatedViewer {
  readonly estimator: BandwidthEstimator;
  readonly link: Link<number>;
  readonly samples: Sample[] = [];
  rung: number;
  #now = 0;
  #sent = 0;
  #frame = 0;
  #nextFrame = 0;
  #nextAudio = 0;
  #nextFeedback = 0;
  #waiting: number[] = [];
  #budget = 0;
  #held: TransportFeedback | undefined;
  readonly #receiver = new FeedbackReceiver();
  readonly #back: { readonly at: number; readonly feedback: TransportFeedback }[] = [];
  readonly #options: ViewerOptions;
  readonly #random: () => number;
  #delay = 10;
  #switchAt: number | undefined;

  constructor(options: ViewerOptions) {
    this.#options = options;
    this.#random = seededRandom((options.seed ?? 1) + 77);
    this.link = new Link(options.seed ?? 1);
    this.rung = options.fixedRung ?? 0;
    this.estimator = new BandwidthEstimator({
      initial: options.initial ?? 1e6, least: 50e3, most: 20e6, rtt: millis(50), transportCc: true,
      ...(options.firstSequence === undefined ? {} : { firstSequence: options.firstSequence }),
    });
  }

  get now(): Millis {
    return millis(this.#now);
  }

  set(conditions: Partial<LinkConditions>): void {
    this.#delay = conditions.delay ?? this.#delay;
    this.link.set(conditions, this.now);
  }

  /** Lets time pass. */
  run(time: number): this {
    for (const end = this.#now + time; this.#now < end; this.#now += 1) {
      this.#step();
    }
    return this;
  }

  /** The samples of the last `time` ms. */
  last(time: number): readonly Sample[] {
    return this.samples.filter(({ at }) => at >= this.#now - time);
  }

  /** The first moment since `from` at which something was so, as ms after `from`; undefined for never. */
  since(from: number, holds: (sample: Sample) => boolean): number | undefined {
    const found = this.samples.find((sample) => sample.at >= from && holds(sample));
    return found === undefined ? undefined : found.at - from;
  }

  #step(): void {
    const now = this.now;
    this.link.arrived(now, (sequence, at) => this.#receiver.received(sequence, at));
    this.#feedback(now);
    if (this.#now >= this.#nextAudio) {
      this.#nextAudio += 20;
      this.#send(160);
    }
    if (this.#now >= this.#nextFrame) {
      this.#nextFrame += FRAME;
      this.#picture();
    }
    if (this.#now % 5 === 0) {
      this.#tick(now);
    }
    if (this.#now % 20 === 0) {
      this.samples.push({ at: this.#now, estimate: this.estimator.estimate, rung: this.rung, queue: this.link.queueDelay(now), sent: this.#sent });
      this.#chooseRung();
    }
  }

  /** A key frame of four times the mean every two seconds. */
  #picture(): void {
    const key = this.#frame % 60 === 0 || this.#switchAt !== undefined;
    if (key && this.#switchAt !== undefined) {
      this.rung = this.#switchAt;
      this.#switchAt = undefined;
    }
    this.#frame += 1;
    const mean = this.#options.rungs[this.rung]! / 30 / 8;
    const bytes = Math.round(key ? mean * 4 : mean * (57 / 60) * (0.7 + 0.6 * this.#random()));
    const packets = Math.max(1, Math.ceil(bytes / PACKET));
    const size = Math.round(bytes / packets) + 40;
    this.#waiting.push(...Array.from({ length: packets }, () => size));
    for (let i = 0; i < 10 && this.#waiting.length > 0; i += 1) {
      this.#send(this.#waiting.shift()!);
    }
  }

  #tick(now: Millis): void {
    this.#budget = Math.min(this.#budget, 0) + (2.5 * this.estimator.estimate * 5) / 8000;
    while (this.#budget > 0 && this.#waiting.length > 0) {
      const bytes = this.#waiting.shift()!;
      this.#budget -= bytes;
      this.#send(bytes);
    }
    this.estimator.poll(now);
    while (this.estimator.paddingDue(now) >= PACKET / 2) {
      this.#send(PACKET);
    }
  }

  #send(bytes: number): void {
    const sequence = this.estimator.sent(bytes, this.now);
    this.#sent += bytes;
    this.link.push(sequence, bytes, this.now);
  }

  #feedback(now: Millis): void {
    if (this.#now >= this.#nextFeedback) {
      this.#nextFeedback += this.#options.feedbackInterval ?? 100;
      const feedback = this.#receiver.take();
      if (feedback !== undefined && this.#random() >= (this.#options.feedbackLoss ?? 0)) {
        const held = this.#held;
        this.#held = undefined;
        if (this.#options.feedbackReordered === true && held === undefined && this.#now % 1000 < 100) {
          this.#held = feedback;
        } else {
          this.#back.push({ at: this.#now + this.#delay, feedback });
          if (held !== undefined) {
            this.#back.push({ at: this.#now + this.#delay, feedback: held });
          }
        }
      }
    }
    while (this.#back[0] !== undefined && this.#back[0].at <= this.#now) {
      const rtt = this.estimator.feedback(this.#back.shift()!.feedback, now);
      this.estimator.setRtt(rtt ?? millis(2 * this.#delay));
    }
  }

  /** Down where the estimate is below what the rung needs, up where it holds the next with a fifth to spare. */
  #chooseRung(): void {
    const { rungs, fixedRung } = this.#options;
    const audio = 70e3;
    if (fixedRung === undefined) {
      const { estimate } = this.estimator;
      const next = rungs[this.rung + 1];
      if (estimate < 0.9 * (rungs[this.rung]! + audio) && this.rung > 0) {
        this.rung = Math.max(0, rungs.findLastIndex((rate) => rate + audio <= estimate));
        this.#waiting = [];
        this.#switchAt = this.rung;
      } else if (next !== undefined && estimate >= 1.15 * (next + audio)) {
        this.#switchAt ??= this.rung + 1;
      }
    }
    const next = rungs[this.rung + 1];
    this.estimator.setDemand(next === undefined ? 0 : 1.15 * (next + audio));
  }
}
