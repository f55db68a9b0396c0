import type { PacketizedFrame } from '../../media/rtp/packetized-frame.ts';
import type { ReportBlock, RtcpPacket, TransportFeedback } from '../../media/rtp/rtcp/packets.ts';
import { parseRtcp } from '../../media/rtp/rtcp/parse.ts';
import { millis, type Millis, type WallTime } from '../../media/time.ts';
import { BandwidthEstimator } from '../bwe/estimator.ts';
import { BURST_PACKETS, Pacer, type Pace } from '../pacing/pacer.ts';
import { defaultTicker, TICK, type Ticked, type Ticker } from '../ticker.ts';
import { KeyRequests } from './key-requests.ts';
import type { MediaSenderOptions, PayloadTypes, SenderStats } from './options.ts';
import { OutgoingStream } from './outgoing-stream.ts';
import { Outlet } from './outlet.ts';
import { hasMarker, historyTime, Retransmitter } from './retransmitter.ts';
import { RoundTrip } from './round-trip.ts';
import { SenderReports } from './sender-reports.ts';

export type { ExtensionIds, MediaSenderOptions, PayloadTypes, SenderHandler, SenderStats, SendStream } from './options.ts';

const INITIAL_ESTIMATE = 1_000_000;
const LEAST_ESTIMATE = 50_000;
const MOST_ESTIMATE = 20_000_000;
const INITIAL_RTT = millis(100);
/** RFC 3550 has 5 s for small sessions; browsers take a second, so that sync and round trip are known soon. */
const REPORT_INTERVAL = 1000;
const HOUSEKEEPING = 500;
/**
 * Compounds that are read in a second. Feedback each 20 ms and NACKs each 5 are half of them; what reads the dearest ones costs 1 % of a
 * core, so nobody has the thread to itself by asking.
 */
const MOST_COMPOUNDS = 500;
/** A second of 12 Mbit/s; references only, the bytes are shared. */
const VIDEO_HISTORY = { packets: 128, mostPackets: 2048, mostBytes: 2_000_000 };
const AUDIO_HISTORY = { packets: 64, mostPackets: 128, mostBytes: 100_000 };
/** So much in front of the bottleneck is a jam: its queue is about to overflow, or does. */
const JAM = 100;
/** A change of the estimate that its user is told of. */
const NOTABLE = 0.05;
/** Packets of the last moments that probes repeat in turn. */
const PADDING_CHOICE = 16;

/** A frame of video on its way through the pacer. */
type PacedFrame = { readonly frame: PacketizedFrame; readonly payload: PayloadTypes; readonly key: boolean; readonly packets: number; readonly bytes: number };

/** Sends the streams of one viewer: numbers, paces, repeats, reports and estimates. */
export class MediaSender implements Ticked {
  readonly #options: MediaSenderOptions;
  readonly #ticker: Ticker;
  readonly #outlet: Outlet;
  readonly #video: OutgoingStream | undefined;
  readonly #audio: OutgoingStream | undefined;
  readonly #streams: readonly OutgoingStream[];
  readonly #estimator: BandwidthEstimator;
  readonly #pacer = new Pacer<PacedFrame>();
  readonly #retransmitter = new Retransmitter();
  readonly #reports = new SenderReports();
  readonly #trip = new RoundTrip();
  #reportAt: number | undefined;
  readonly #keyRequests = new KeyRequests();
  #readSince = Number.NEGATIVE_INFINITY;
  #read = 0;
  #nacks = 0;
  #padding = 0;
  #toldEstimate: number;
  #told = false;
  #paddingTurn = 0;
  #closed = false;

  constructor(options: MediaSenderOptions) {
    this.#options = options;
    this.#ticker = options.ticker ?? defaultTicker();
    this.#outlet = new Outlet(options.sink, options.batch);
    const { video, audio, extensions, random = Math.random } = options;
    this.#estimator = new BandwidthEstimator({
      initial: options.initialEstimate ?? INITIAL_ESTIMATE,
      least: LEAST_ESTIMATE,
      most: options.maxEstimate ?? MOST_ESTIMATE,
      rtt: options.rtt ?? INITIAL_RTT,
      transportCc: options.feedback === 'transport-cc' && extensions.transportCc !== undefined,
    });
    this.#toldEstimate = this.#estimator.estimate;
    const count = (wireBytes: number, numbered: boolean, now: Millis): number => {
      if (numbered) {
        return this.#estimator.sent(wireBytes, now);
      }
      this.#estimator.sentUnnumbered(wireBytes, now);
      return 0;
    };
    this.#video = video === undefined ? undefined : new OutgoingStream(video, extensions, VIDEO_HISTORY, this.#outlet, count, random);
    this.#audio = audio === undefined ? undefined : new OutgoingStream(audio, extensions, AUDIO_HISTORY, this.#outlet, count, random);
    this.#streams = [this.#video, this.#audio].filter((stream) => stream !== undefined);
  }

  /**
   * Sends an access unit: at once where it has up to 10 packets and nothing waits, else its first 10 at once and the others paced.
   *
   * @returns false where it was refused because the queue is full; everything up to the next key frame is then refused too.
   */
  sendVideo(frame: PacketizedFrame, payload: PayloadTypes): boolean {
    const video = this.#video;
    if (video === undefined || this.#closed || frame.payloads.length === 0) {
      return false;
    }
    const now = this.#options.clock();
    if (this.#pacer.empty && frame.payloads.length <= BURST_PACKETS && !this.#jammed) {
      if (!this.#pacer.accepts(frame.key)) {
        return false;
      }
      this.#outlet.begin();
      for (let index = 0; index < frame.payloads.length; index += 1) {
        this.#sendPacket(video, frame, index, payload, now);
      }
      this.#outlet.flush();
    } else if (!this.#enqueue(video, frame, payload, now)) {
      return false;
    }
    this.#begun(now);
    return true;
  }

  /** Sends a frame of sound, at once and past everything that waits. */
  sendAudio(frame: PacketizedFrame, payload: PayloadTypes): void {
    const audio = this.#audio;
    if (audio === undefined || this.#closed) {
      return;
    }
    const now = this.#options.clock();
    this.#outlet.begin();
    for (let index = 0; index < frame.payloads.length; index += 1) {
      this.#sendPacket(audio, frame, index, payload, now);
    }
    this.#outlet.flush();
    this.#begun(now);
  }

  /** Forgets the frames that wait and of which nothing was sent yet: another rung takes over, beginning with a key frame. */
  dropQueued(): void {
    this.#pacer.clear();
  }

  /** Takes a compound RTCP packet of the peer; more than a peer needs are not read. */
  rtcp(compound: Uint8Array, now: Millis): void {
    if (this.#closed || !this.#mayRead(now)) {
      return;
    }
    this.#outlet.begin();
    for (const packet of parseRtcp(compound)) {
      this.#take(packet, now);
    }
    this.#outlet.flush();
    this.#arm(this.#estimator.poll(now), now);
    this.#tell();
  }

  /** Says when what has the presentation time `pts`, in seconds, was before the camera. */
  setCapture(wall: WallTime, pts: number): void {
    this.#reports.setCapture(wall, pts);
  }

  /** Says what the next rung up would need in all, in bits per second: how far to probe. 0: no more than now. */
  setDemand(bitsPerSecond: number): void {
    if (this.#video !== undefined && !this.#closed) {
      this.#estimator.setDemand(bitsPerSecond);
    }
  }

  /** What is known at the moment. */
  get stats(): SenderStats {
    const now = this.#options.clock();
    const { estimate, limitedBy, queueDelay, arrivalRate, probes } = this.#estimator;
    return {
      estimate,
      limitedBy,
      rtt: this.#trip.value,
      loss: this.#estimator.loss(now),
      queueDelay,
      arrivalRate,
      packetsSent: this.#outlet.packets,
      bytesSent: this.#outlet.bytes,
      retransmitted: this.#retransmitter.count,
      padding: this.#padding,
      framesSkipped: this.#pacer.skipped,
      queued: { packets: this.#pacer.packets, bytes: this.#pacer.bytes, delay: this.#pacer.age(now) },
      probes,
      nacks: this.#nacks,
      keyRequests: this.#keyRequests.count,
      rtpOrigin: { video: this.#video?.rtpTimestamp(0), audio: this.#audio?.rtpTimestamp(0) },
    };
  }

  /** The peer is reached elsewhere: what was learnt of the path is void. */
  pathChanged(): void {
    this.#estimator.reset(this.#options.clock());
    this.#trip.reset();
  }

  /** The ticker's call. */
  tick(now: Millis): Millis | undefined {
    if (this.#closed) {
      return undefined;
    }
    this.#outlet.begin();
    const video = this.#video;
    if (video !== undefined) {
      this.#pacer.release(this.#pace, now, ({ frame, payload }, index) => this.#sendPacket(video, frame, index, payload, now));
    }
    const due = this.#estimator.poll(now);
    this.#pad(now);
    this.#outlet.flush();
    if (this.#reportAt !== undefined && now >= this.#reportAt) {
      this.#report(now);
    }
    const before = millis(now - historyTime(this.#roundTrip));
    this.#streams.forEach(({ history }) => history.expire(before));
    this.#tell();
    return this.#pacer.empty ? earliest(due, this.#reportAt, now + HOUSEKEEPING) : millis(now + TICK);
  }

  /** Says BYE and stops. Idempotent. */
  close(): void {
    if (this.#closed) {
      return;
    }
    this.#closed = true;
    this.#ticker.cancel(this);
    const bye = this.#reports.write(this.#streams, this.#options.clock(), true);
    if (bye !== undefined) {
      this.#outlet.rtcp(bye);
    }
    this.#pacer.clear();
    this.#streams.forEach(({ history }) => history.clear());
  }

  /** The round trip as far as it is known. */
  get #roundTrip(): Millis {
    return this.#trip.value ?? this.#options.rtt ?? INITIAL_RTT;
  }

  get #jammed(): boolean {
    return this.#estimator.queueDelay > JAM;
  }

  get #pace(): Pace {
    return { estimate: this.#estimator.estimate, jammed: this.#jammed };
  }

  #sendPacket(stream: OutgoingStream, frame: PacketizedFrame, index: number, payload: PayloadTypes, now: Millis): number {
    const marker = stream === this.#video && index === frame.payloads.length - 1;
    return stream.send(frame, index, payload, marker, now, historyTime(this.#roundTrip));
  }

  #enqueue(video: OutgoingStream, frame: PacketizedFrame, payload: PayloadTypes, now: Millis): boolean {
    const wasEmpty = this.#pacer.empty;
    const overhead = video.wireBytes(frame, 0) - frame.payloads[0]!.length;
    const packets = frame.payloads.length;
    const paced: PacedFrame = { frame, payload, key: frame.key, packets, bytes: frame.byteLength + packets * overhead };
    if (!this.#pacer.push(paced, this.#pace, now)) {
      this.#told = false;
      return false;
    }
    if (wasEmpty && !this.#jammed) {
      this.#outlet.begin();
      this.#pacer.burst((item, index) => this.#sendPacket(video, item.frame, index, item.payload, now));
      this.#outlet.flush();
    }
    if (!this.#pacer.empty) {
      this.#ticker.schedule(this, millis(now + TICK));
    }
    return true;
  }

  /** The first packet of a stream is reported on at once: only then can a peer put sound and picture in sync. */
  #begun(now: Millis): void {
    if (this.#reportAt === undefined || this.#streams.some(({ packets, reported }) => packets > 0 && !reported)) {
      this.#report(now);
      this.#ticker.schedule(this, millis(now + HOUSEKEEPING));
    }
  }

  #mayRead(now: Millis): boolean {
    if (now - this.#readSince >= 1000) {
      this.#readSince = now;
      this.#read = 0;
    }
    this.#read += 1;
    return this.#read <= MOST_COMPOUNDS;
  }

  #report(now: Millis): void {
    const report = this.#reports.write(this.#streams, now);
    if (report !== undefined) {
      this.#outlet.rtcp(report);
      this.#reportAt = now + REPORT_INTERVAL;
    }
  }

  #take(packet: RtcpPacket, now: Millis): void {
    switch (packet.kind) {
      case 'receiver-report':
      case 'sender-report':
        packet.reports.forEach((block) => this.#reportBlock(block, now));
        break;
      case 'transport-cc':
        this.#feedback(packet, now);
        break;
      case 'nack':
        this.#nack(packet.mediaSsrc, packet.sequenceNumbers, now);
        break;
      case 'pli':
        if (packet.mediaSsrc === this.#video?.description.ssrc) {
          this.#keyRequests.pli();
        }
        break;
      case 'fir':
        packet.requests.filter(({ ssrc }) => ssrc === this.#video?.description.ssrc).forEach(({ sequenceNumber }) => this.#keyRequests.fir(sequenceNumber));
        break;
      case 'remb':
        this.#estimator.remb(packet.bitrate, now);
        break;
      default:
    }
  }

  #reportBlock(block: ReportBlock, now: Millis): void {
    const stream = this.#streams.find(({ description }) => description.ssrc === block.ssrc);
    if (stream === undefined) {
      return;
    }
    stream.recognised();
    const time = this.#reports.roundTrip(block, now);
    if (time !== undefined) {
      this.#trip.reported(time, now);
      this.#estimator.setRtt(this.#roundTrip);
    }
    if (stream === (this.#video ?? this.#audio)) {
      this.#estimator.report(block.fractionLost / 256, now);
    }
  }

  #feedback(packet: TransportFeedback, now: Millis): void {
    const time = this.#estimator.feedback(packet, now);
    if (time !== undefined) {
      this.#trip.heard(time, now);
      this.#estimator.setRtt(this.#roundTrip);
    }
  }

  #nack(ssrc: number, sequenceNumbers: readonly number[], now: Millis): void {
    const stream = this.#streams.find(({ description }) => description.ssrc === ssrc);
    if (stream !== undefined) {
      this.#nacks += sequenceNumbers.length;
      const { estimate } = this.#estimator;
      this.#retransmitter.answer(stream, sequenceNumbers, { estimate, rtt: this.#trip.least ?? this.#roundTrip, jammed: this.#jammed }, now);
    }
  }

  /** Fills up a probe with what was sent last; last of all, so not while pictures wait. */
  #pad(now: Millis): void {
    const video = this.#pacer.empty ? this.#video : undefined;
    for (let due = this.#estimator.paddingDue(now); video !== undefined && due > 0; due = this.#estimator.paddingDue(now)) {
      const packet = video.history.recent(this.#paddingTurn % PADDING_CHOICE) ?? video.history.recent(0);
      this.#paddingTurn += 1;
      if (packet === undefined) {
        return;
      }
      const bytes = video.hasRtx(packet) ? video.again(packet, hasMarker(packet), now) : video.pad(now, historyTime(this.#roundTrip));
      if (bytes === 0) {
        return;
      }
      this.#padding += 1;
    }
  }

  #arm(due: Millis | undefined, now: Millis): void {
    if (due !== undefined) {
      this.#ticker.schedule(this, millis(Math.max(due, now + TICK)));
    }
  }

  /** Calls the handler, last of all: it may send. */
  #tell(): void {
    const now = this.#options.clock();
    const { estimate } = this.#estimator;
    if (this.#keyRequests.due(now)) {
      this.#options.handler.keyRequest();
    }
    if (!this.#told || Math.abs(estimate - this.#toldEstimate) > NOTABLE * this.#toldEstimate) {
      this.#told = true;
      this.#toldEstimate = estimate;
      this.#options.handler.estimateChanged?.();
    }
  }
}

function earliest(due: Millis | undefined, report: number | undefined, otherwise: number): Millis {
  return millis(Math.min(due ?? otherwise, report ?? otherwise, otherwise));
}
