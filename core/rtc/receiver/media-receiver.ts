import type { SenderReport } from '../../media/rtp/rtcp/packets.ts';
import { parseRtcp } from '../../media/rtp/rtcp/parse.ts';
import { parseRtpHeader, readExtension } from '../../media/rtp/rtp-header.ts';
import { millis, type Millis } from '../../media/time.ts';
import { ArrivalLog } from './arrival-log.ts';
import { Demultiplexer } from './demultiplexer.ts';
import { Feedback } from './feedback.ts';
import { InboundStream, type ReceivedUnit } from './inbound-stream.ts';
import type { ReceivePlan, StreamKey } from './receive-plan.ts';
import { RembEstimate } from './remb-estimate.ts';

/** What a receiver's owner does with what comes of it. Calls must not throw. */
export interface ReceiverHandler {
  /** A whole access unit, in the order of its stream. Video may begin without a key frame, and go on without one behind a loss. */
  unit(stream: StreamKey, unit: ReceivedUnit): void;
  /** What the publisher's clock shows at a timestamp of the stream (not unwrapped). */
  senderReport(stream: StreamKey, report: SenderReport, clockRate: number, arrival: Millis): void;
  /** The stream has another source: its timestamps have nothing to do with those before. */
  restarted(stream: StreamKey): void;
  /** Sends one RTCP packet to the publisher. */
  send(rtcp: Uint8Array): void;
}

/** Options of a {@link MediaReceiver}. */
export type MediaReceiverOptions = {
  readonly plan: ReceivePlan;
  readonly handler: ReceiverHandler;
  readonly now: Millis;
  /** Source of the receiver's own RTCP. */
  readonly ssrc: number;
  /** A first guess of the round trip. */
  readonly rtt?: Millis | undefined;
};

/** What a receiver has seen. */
export type ReceiverStatistics = {
  readonly packets: number;
  /** Packets that belonged nowhere, or could not be read. */
  readonly unusable: number;
  /** Packets lost on the way, repaired ones included, and how many of them came by NACK, and never. */
  readonly lost: number;
  readonly recovered: number;
  readonly givenUp: number;
  /** Loss over the last second, 0 to 1: the worst stream's. */
  readonly loss: number;
  readonly rtt: Millis | undefined;
  readonly keyRequests: number;
};

const TRANSPORT_FEEDBACK_EVERY = 50;
const REPORT_EVERY = 1000;

/**
 * Receives a publisher's media: demultiplexes, repairs and orders packets, joins them to access units, and sends all the
 * feedback that a sender wants. Pure: time comes in with the packets and with {@link tick}, monotonic milliseconds.
 */
export class MediaReceiver {
  readonly #plan: ReceivePlan;
  readonly #handler: ReceiverHandler;
  readonly #feedback: Feedback;
  readonly #demultiplexer: Demultiplexer;
  readonly #streams = new Map<StreamKey, InboundStream>();
  readonly #arrivals = new ArrivalLog();
  readonly #remb = new RembEstimate();
  #rtt: Millis | undefined;
  #arrivalsAt = millis(Infinity);
  #reportAt: Millis;
  #packets = 0;
  #unusable = 0;
  #keyRequests = 0;
  /** Counts of streams that another source has replaced. */
  #former = { lost: 0, recovered: 0, givenUp: 0 };
  #closed = false;

  constructor({ plan, handler, now, ssrc, rtt }: MediaReceiverOptions) {
    this.#plan = plan;
    this.#handler = handler;
    this.#rtt = rtt;
    this.#demultiplexer = new Demultiplexer(plan);
    this.#feedback = new Feedback({ ssrc, reducedSize: plan.reducedSize, send: (rtcp) => handler.send(rtcp) });
    this.#reportAt = millis(now + REPORT_EVERY);
  }

  get statistics(): ReceiverStatistics {
    const streams = [...this.#streams.values()];
    const sum = (read: (stream: InboundStream) => number): number => streams.reduce((total, stream) => total + read(stream), 0);
    return {
      packets: this.#packets,
      unusable: this.#unusable,
      lost: this.#former.lost + sum((stream) => stream.statistics.lost),
      recovered: this.#former.recovered + sum((stream) => stream.repairs.recovered),
      givenUp: this.#former.givenUp + sum((stream) => stream.repairs.givenUp),
      loss: Math.max(0, ...streams.map((stream) => stream.statistics.loss)),
      rtt: this.#measuredRtt(),
      keyRequests: this.#keyRequests,
    };
  }

  /** Packets and bytes that wait behind holes. */
  get held(): { readonly packets: number; readonly bytes: number } {
    const held = [...this.#streams.values()].map((stream) => stream.held);
    return { packets: held.reduce((sum, { packets }) => sum + packets, 0), bytes: held.reduce((sum, { bytes }) => sum + bytes, 0) };
  }

  /** Streams heard so far. */
  get streams(): readonly StreamKey[] {
    return [...this.#streams.keys()];
  }

  /** Whether packets of a stream still come. */
  silent(key: StreamKey, now: Millis): boolean {
    return this.#streams.get(key)?.silent(now) ?? true;
  }

  /** Bits per second of a stream over the last second, repairs included. */
  bitrate(key: StreamKey, now: Millis): number {
    return this.#streams.get(key)?.rate.read(now) ?? 0;
  }

  /** Moment at which {@link tick} has something to do. */
  get deadline(): Millis {
    let deadline = Math.min(this.#reportAt, this.#arrivalsAt);
    for (const stream of this.#streams.values()) {
      deadline = Math.min(deadline, stream.deadline);
      const wanted = stream.keys.deadline;
      // A stream that is silent by then is not asked.
      if (stream.key.kind === 'video' && stream.format.pli && !stream.silent(wanted)) {
        deadline = Math.min(deadline, wanted);
      }
    }
    return millis(this.#closed ? Infinity : deadline);
  }

  /** A decrypted RTP packet; it is not kept. Never throws. */
  rtp(packet: Uint8Array, now: Millis): void {
    const header = this.#closed ? undefined : parseRtpHeader(packet);
    if (!header) {
      this.#unusable += 1;
      return;
    }
    this.#packets += 1;
    const { transportCc } = this.#plan.extensions;
    const counter = transportCc === undefined ? undefined : readExtension(packet, header, transportCc);
    if (counter && counter.length >= 2 && this.#plan.feedback === 'transport-cc') {
      this.#arrivals.add(((counter[0] ?? 0) << 8) | (counter[1] ?? 0), now);
      this.#arrivalsAt = millis(Math.min(this.#arrivalsAt, now + TRANSPORT_FEEDBACK_EVERY));
    }
    const route = this.#demultiplexer.route(packet, header, now);
    if (!route) {
      this.#unusable += 1;
      return;
    }
    const known = this.#streams.get(route.key);
    if (route.repair) {
      known?.repair(packet, header, route.format, now);
    } else {
      const stream = known?.ssrc === header.ssrc ? known : this.#begin(route.key, header.ssrc, route.format, now);
      stream?.packet(packet, header, route.format, now);
    }
    this.#ask(now);
  }

  /** A decrypted compound RTCP packet; it is not kept. Never throws. */
  rtcp(compound: Uint8Array, now: Millis): void {
    if (this.#closed) {
      return;
    }
    for (const packet of parseRtcp(compound)) {
      if (packet.kind === 'sender-report') {
        this.#senderReport(packet, now);
      } else if (packet.kind === 'bye') {
        packet.ssrcs.forEach((ssrc) => this.#demultiplexer.forget(ssrc));
      }
    }
  }

  /** Another path: what was learnt of the round trip is void. */
  pathChanged(rtt: Millis | undefined): void {
    this.#rtt = rtt;
  }

  /** Asks for a key frame of a stream as soon as that may be done again. */
  requestKey(key: StreamKey, now: Millis): void {
    this.#streams.get(key)?.keys.need();
    this.#askForKeys(now);
  }

  /** Does what is due. */
  tick(now: Millis): void {
    if (this.#closed) {
      return;
    }
    this.#streams.forEach((stream) => stream.tick(now));
    this.#ask(now);
    if (now >= this.#arrivalsAt) {
      this.#arrivalsAt = millis(Infinity);
      this.#tellArrivals();
    }
    if (now >= this.#reportAt) {
      this.#reportAt = millis(now + REPORT_EVERY);
      this.#report(now);
    }
  }

  /** Ends the receiver: nothing more is given out or sent. Idempotent. */
  close(): void {
    this.#closed = true;
    this.#streams.clear();
  }

  #begin(key: StreamKey, ssrc: number, format: InboundStream['format'], now: Millis): InboundStream | undefined {
    const media = this.#plan.media.find(({ mid }) => mid === key.mid);
    if (!media) {
      return undefined;
    }
    const former = this.#streams.get(key);
    if (former) {
      const { recovered, givenUp } = former.repairs;
      this.#former = { lost: this.#former.lost + former.statistics.lost, recovered: this.#former.recovered + recovered, givenUp: this.#former.givenUp + givenUp };
      this.#handler.restarted(key);
    }
    const stream = new InboundStream({ key, media, ssrc, format, now, rtt: this.#measuredRtt(), out: (unit) => this.#handler.unit(key, unit) });
    this.#streams.set(key, stream);
    return stream;
  }

  #measuredRtt(): Millis | undefined {
    const measured = [...this.#streams.values()].map((stream) => stream.rtt).filter((rtt) => rtt !== undefined);
    return measured.length > 0 ? millis(Math.min(...measured)) : this.#rtt;
  }

  #senderReport(report: SenderReport, now: Millis): void {
    const key = this.#demultiplexer.streamOf(report.ssrc);
    const stream = key && this.#streams.get(key);
    if (stream?.ssrc === report.ssrc) {
      stream.statistics.senderReport(report, now);
      this.#handler.senderReport(stream.key, report, stream.format.clockRate, now);
    }
  }

  /** Asks for what is missing: packets, then pictures. */
  #ask(now: Millis): void {
    for (const stream of this.#streams.values()) {
      const lost = stream.deadline <= now ? stream.lost(now) : [];
      if (lost.length > 0) {
        this.#feedback.nack(stream.ssrc, lost);
      }
    }
    this.#askForKeys(now);
  }

  #askForKeys(now: Millis): void {
    const able = [...this.#streams.values()].filter((stream) => stream.key.kind === 'video' && stream.format.pli && !stream.silent(now));
    if (!able.some((stream) => stream.keys.deadline <= now)) {
      return;
    }
    for (const stream of able) {
      if (stream.keys.deadline <= now || stream.keys.joins(now)) {
        stream.keys.asked(now);
        this.#keyRequests += 1;
        this.#feedback.pli(stream.ssrc);
      }
    }
  }

  #tellArrivals(): void {
    const [any] = this.#streams.values();
    while (this.#arrivals.pending) {
      const feedback = this.#arrivals.take();
      if (feedback) {
        this.#feedback.transport(any?.ssrc ?? 0, feedback);
      }
    }
  }

  #report(now: Millis): void {
    const streams = [...this.#streams.values()].filter((stream) => !stream.silent(now));
    const reports = streams.map((stream) => stream.statistics.report(stream.ssrc, now)).filter((report) => report !== undefined);
    this.#feedback.report(reports);
    if (this.#plan.feedback === 'remb' && streams.length > 0) {
      const loss = Math.max(0, ...streams.map((stream) => stream.statistics.loss));
      const received = streams.reduce((sum, stream) => sum + stream.rate.read(now), 0);
      this.#feedback.remb(this.#remb.update(loss, received, now), streams.map((stream) => stream.ssrc));
    }
  }
}
