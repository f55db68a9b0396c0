import { ARRIVAL_TICKS_PER_SECOND, NOT_RECEIVED, REFERENCE_TICKS, type TransportFeedback } from '../../media/rtp/rtcp/packets.ts';
import { SequenceUnwrapper } from '../../media/rtp/sequence.ts';
import { millis, type Millis } from '../../media/time.ts';
import { LossControl } from './loss-control.ts';
import { PacketGroups } from './packet-groups.ts';
import { Probing } from './probing.ts';
import { RateControl } from './rate-control.ts';
import { RateWindow } from './rate-window.ts';
import { ReceiverDriven } from './receiver-driven.ts';
import { ARRIVED, IN_FLIGHT, MISSING, SentPackets } from './sent-packets.ts';
import { StandingQueue } from './standing-queue.ts';
import { Trendline, type Usage } from './trendline.ts';

const MILLIS_PER_TICK = 1000 / ARRIVAL_TICKS_PER_SECOND;
/** The rate that arrives: over half a second for what lasts, over 200 ms for what a link has just become, over 100 ms for what it can do after a stall. */
const STEADY = millis(500);
const RECENT = millis(200);
const BRIEF = millis(100);
/** No probe into a queue, nor so soon after over-use. */
const CALM = 1000;
/** Without any feedback for this and a round trip the path is taken for jammed, and again after each of the later ones. */
const SILENCE = 1000;
const SILENCE_STEP = 500;
const SILENCE_FACTOR = 0.7;

/** What an estimator begins with, in bits per second and milliseconds. */
export type EstimatorOptions = {
  readonly initial: number;
  readonly least: number;
  readonly most: number;
  readonly rtt: Millis;
  /** Whether transport-wide feedback was negotiated. */
  readonly transportCc: boolean;
  /** First transport-wide sequence number. Default 1. */
  readonly firstSequence?: number;
};

/** What moved the estimate last. */
export type LimitedBy = 'start' | 'delay' | 'loss' | 'remb' | 'probe' | 'application';

/** How much the path to one peer carries. Pure: it is told what is sent and heard, and when. */
export class BandwidthEstimator {
  readonly #options: EstimatorOptions;
  readonly #sentPackets: SentPackets;
  readonly #sentRate = new RateWindow();
  readonly #arrivalRate = new RateWindow();
  readonly #groups = new PacketGroups();
  readonly #trendline = new Trendline();
  readonly #queue = new StandingQueue();
  readonly #loss = new LossControl();
  readonly #probing = new Probing();
  readonly #rate: RateControl;
  readonly #receiver: ReceiverDriven;
  readonly #reference = new SequenceUnwrapper(24);
  #rtt: Millis;
  #limitedBy: LimitedBy = 'start';
  #heardAt = Number.NEGATIVE_INFINITY;
  #unheardSince = Number.NaN;
  /** When the newest packet that was told of was sent. */
  #heardUntil = millis(0);
  #overAt = Number.NEGATIVE_INFINITY;

  constructor(options: EstimatorOptions) {
    this.#options = options;
    this.#sentPackets = new SentPackets(options.firstSequence);
    this.#rate = new RateControl(options.initial, options.least, options.most);
    this.#receiver = new ReceiverDriven(this.#rate);
    this.#rtt = options.rtt;
  }

  /** Bits per second. */
  get estimate(): number {
    return this.#rate.estimate;
  }

  get limitedBy(): LimitedBy {
    return this.#limitedBy;
  }

  /** What waits in front of the bottleneck. */
  get queueDelay(): Millis {
    return this.#queue.delay;
  }

  /** Bits per second that arrived in the last half second; 0 while unknown. */
  get arrivalRate(): number {
    return this.#arrivalRate.rate(STEADY) ?? 0;
  }

  get probes(): { readonly sent: number; readonly failed: number } {
    return this.#probing.counts;
  }

  /** Share of loss of late, 0 to 1. */
  loss(now: Millis): number {
    return this.#hears ? this.#loss.window.share(now).loss : this.#receiver.loss;
  }

  /** What the next step up would need in all, in bits per second. */
  setDemand(bitsPerSecond: number): void {
    this.#probing.setDemand(Math.min(bitsPerSecond, this.#options.most));
  }

  setRtt(rtt: Millis): void {
    this.#rtt = rtt;
  }

  /** A packet that has no transport-wide sequence number is being sent. */
  sentUnnumbered(bytes: number, now: Millis): void {
    this.#sentRate.add(now, bytes);
  }

  /** A packet of `bytes` on the wire is being sent. @returns its transport-wide sequence number, of which 16 bits are sent. */
  sent(bytes: number, now: Millis): number {
    this.#sentRate.add(now, bytes);
    const cluster = this.#probing.cluster;
    let id = 0;
    if (cluster?.sending(now) === true) {
      cluster.sentPacket(bytes);
      id = cluster.id;
    }
    if (Number.isNaN(this.#unheardSince)) {
      this.#unheardSince = now;
    }
    return this.#sentPackets.add(bytes, now, id);
  }

  /**
   * Takes transport-wide feedback.
   *
   * @returns the round trip by the newest packet it tells of, the peer's wait for the feedback included; undefined where it tells of none.
   */
  feedback(feedback: TransportFeedback, now: Millis): Millis | undefined {
    this.#heardAt = now;
    this.#unheardSince = Number.NaN;
    const base = this.#sentPackets.unwrap(feedback.baseSequence);
    const reference = this.#reference.unwrap(feedback.referenceTime & 0xff_ffff) * REFERENCE_TICKS;
    let usage: Usage = 'normal';
    let newest: number | undefined;
    for (let i = 0; i < feedback.arrivals.length; i += 1) {
      const sequence = base + i;
      if (!this.#sentPackets.has(sequence)) {
        continue;
      }
      this.#heardUntil = millis(Math.max(this.#heardUntil, this.#sentPackets.sentAt(sequence)));
      const ticks = feedback.arrivals[i]!;
      if (ticks === NOT_RECEIVED) {
        this.#missing(sequence, now);
      } else if (this.#sentPackets.state(sequence) !== ARRIVED) {
        newest = sequence;
        usage = worse(usage, this.#arrived(sequence, millis((reference + ticks) * MILLIS_PER_TICK), now));
      }
    }
    this.#conclude(usage === 'normal' ? this.#trendline.usage : usage, now);
    return newest === undefined ? undefined : millis(now - this.#sentPackets.sentAt(newest));
  }

  /** Takes a receiver report: the only source where there is no transport-wide feedback. */
  report(loss: number, now: Millis): void {
    if (!this.#hears && this.#receiver.report(loss, Math.max(1.5 * (this.#sentRate.rateUntil(now, STEADY) ?? 0), this.#probing.demand), now)) {
      this.#limitedBy = 'loss';
    }
  }

  /** Takes the peer's own estimate, where there is no transport-wide feedback. */
  remb(bitrate: number, now: Millis): void {
    if (!this.#hears) {
      this.#receiver.remb(Math.min(bitrate, this.#options.most), now);
      this.#limitedBy = 'remb';
    }
  }

  /** Does what time brings. @returns when to call again; undefined where nothing is due until something is heard, or half a second passed. */
  poll(now: Millis): Millis | undefined {
    this.#onSilence(now);
    if (!this.#hears) {
      return undefined;
    }
    this.#probing.poll({ estimate: this.estimate, arrivalRate: this.arrivalRate, rtt: this.#rtt, calm: this.#calm(now), level: this.#queue.level }, now);
    return this.#probing.next(this.#rtt, now);
  }

  /** Bytes to send now in order to probe; 0 or less for none. */
  paddingDue(now: Millis): number {
    const cluster = this.#probing.cluster;
    return cluster?.sending(now) === true ? cluster.due(now) : 0;
  }

  /** The path is another one. Half of what the old one carried is where the search begins. */
  reset(now: Millis): void {
    this.#rate.reset(Math.max(this.#options.initial, this.estimate / 2));
    this.#sentPackets.forget();
    this.#sentRate.reset();
    this.#arrivalRate.reset();
    this.#groups.reset();
    this.#trendline.reset();
    this.#queue.reset();
    this.#loss.reset();
    this.#receiver.reset();
    this.#probing.reset(now);
    this.#rtt = this.#options.rtt;
    this.#limitedBy = 'start';
    this.#unheardSince = Number.NaN;
    this.#overAt = Number.NEGATIVE_INFINITY;
  }

  /** Whether transport-wide feedback is what the estimate rests on. */
  get #hears(): boolean {
    return this.#options.transportCc && this.#heardAt > Number.NEGATIVE_INFINITY;
  }

  #missing(sequence: number, now: Millis): void {
    if (this.#sentPackets.state(sequence) === IN_FLIGHT) {
      this.#sentPackets.mark(sequence, MISSING);
      this.#loss.window.add(true, false, now);
      const cluster = this.#probing.cluster;
      if (cluster !== undefined && this.#sentPackets.cluster(sequence) === cluster.id) {
        cluster.missing();
      }
    }
  }

  #arrived(sequence: number, arrival: Millis, now: Millis): Usage {
    const wasMissing = this.#sentPackets.state(sequence) === MISSING;
    const sentAt = this.#sentPackets.sentAt(sequence);
    this.#sentPackets.mark(sequence, ARRIVED);
    this.#loss.window.add(false, wasMissing, now);
    this.#arrivalRate.add(arrival, this.#sentPackets.bytes(sequence));
    const cluster = this.#probing.cluster;
    if (cluster !== undefined && this.#sentPackets.cluster(sequence) === cluster.id) {
      cluster.arrived(sentAt, millis(arrival - sentAt), wasMissing);
    }
    const group = this.#groups.push(sentAt, arrival);
    if (group === undefined) {
      return 'normal';
    }
    this.#queue.add(group.arrival, group.delay);
    return this.#trendline.add(group.arrival, group.delay);
  }

  /** What a whole feedback comes to. */
  #conclude(trend: Usage, now: Millis): void {
    const probe = this.#probing.judge({ loss: this.#loss.inherent, jitter: this.#queue.jitter }, this.#heardUntil, now);
    if (probe?.passed === true) {
      this.#rate.raise(probe.rate);
      this.#limitedBy = 'probe';
    }
    const disturbed = this.#probing.disturbs(this.#rtt, now);
    const { stands, heavy } = this.#queue;
    const usage = trend === 'over' && !stands ? 'normal' : trend;
    if (usage === 'over' && !disturbed) {
      this.#overAt = now;
    }
    const steady = this.#arrivalRate.rate(STEADY) ?? 0;
    const recent = this.#arrivalRate.rate(RECENT) ?? 0;
    const excessive = this.#loss.excessive(now);
    if (!disturbed) {
      const before = this.estimate;
      const brief = this.#arrivalRate.rate(BRIEF) ?? 0;
      const decreased = this.#rate.update({ usage, heavy }, { steady, recent: Math.max(recent, brief) }, !stands && !excessive, this.#rtt, now);
      if (decreased) {
        this.#decreased('delay', now);
      } else if (this.estimate > before && this.#limitedBy !== 'probe') {
        this.#limitedBy = 'application';
      }
    }
    const bound = this.#loss.update(this.#sentRate.rateUntil(now, RECENT) ?? 0, recent, now);
    if (bound !== undefined && this.#rate.lower(bound, now)) {
      this.#decreased('loss', now);
    }
  }

  #decreased(by: LimitedBy, now: Millis): void {
    this.#limitedBy = by;
    this.#probing.decreased(now);
  }

  #calm(now: Millis): boolean {
    // Where nothing is sent nothing is heard, and there would be nothing to repeat.
    return now - this.#heardAt < CALM / 2 + this.#rtt && now - this.#overAt > CALM && !this.#queue.stands && !this.#loss.excessive(now);
  }

  #onSilence(now: Millis): void {
    if (this.#hears && now - this.#unheardSince > SILENCE + this.#rtt) {
      this.#unheardSince = now - SILENCE - this.#rtt + SILENCE_STEP;
      this.#rate.lower(this.estimate * SILENCE_FACTOR, now);
      this.#limitedBy = 'delay';
    }
  }
}

function worse(a: Usage, b: Usage): Usage {
  if (a === 'over' || b === 'over') {
    return 'over';
  }
  return a === 'normal' ? b : a;
}
