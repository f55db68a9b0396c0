import { sequenceDistance, SequenceUnwrapper } from '../../../media/rtp/sequence.ts';
import { writeNack, writeReceiverReport, writeTransportFeedback } from '../../../media/rtp/rtcp/write.ts';
import { millis } from '../../../media/time.ts';
import { FeedbackReceiver } from '../../bwe/testing/feedback-receiver.ts';
import { Link, type LinkConditions } from '../../bwe/testing/link.ts';
import { H264, transportSequence, VIDEO, videoFrame, type SenderBench, type SentRtp } from './sender-bench.ts';

/** What a peer's SSRC sends its reports as. */
const PEER = 1;

/** A browser at the other end of a simulated link: feedback every 50 ms, NACK for what is missing, receiver reports, and what it could show. */
export class SimulatedBrowser {
  readonly link: Link<SentRtp>;
  readonly #bench: SenderBench;
  readonly #feedback = new FeedbackReceiver();
  readonly #transport = new SequenceUnwrapper();
  readonly #sequence = new SequenceUnwrapper();
  readonly #have = new Set<number>();
  readonly #asked = new Map<number, number>();
  readonly #transportCc: boolean;
  #delay: number;
  #frame = 0;
  #nextFrame: number;
  #nextFeedback: number;
  #nextReport: number;
  /** Packets of video that came in the end, and when the last did so that all before it are there too. */
  #complete = -1;
  completeAt = 0;
  /** The longest time in which nothing new could be decoded, since the last look. */
  longestStall = 0;
  repeated = 0;
  rate: number;

  constructor(bench: SenderBench, rate: number, conditions: Partial<LinkConditions>, transportCc = true) {
    this.#bench = bench;
    this.rate = rate;
    this.link = new Link(5);
    this.#delay = conditions.delay ?? 10;
    this.#transportCc = transportCc;
    this.link.set(conditions, bench.now);
    bench.onRtp = (sent) => this.link.push(sent, sent.bytes.length + 44, sent.at);
    this.#nextFrame = bench.now;
    this.#nextFeedback = bench.now;
    this.#nextReport = bench.now + 500;
    this.completeAt = bench.now;
  }

  /** Lets time pass, pictures being sent at {@link rate}. */
  run(time: number): void {
    for (let left = time; left > 0; left -= 1) {
      this.#bench.pass(1);
      const { now } = this.#bench;
      if (now >= this.#nextFrame) {
        this.#nextFrame += 1000 / 30;
        const packets = Math.max(1, Math.round(this.rate / 30 / 8 / 1000));
        this.#bench.sender.sendVideo(videoFrame(this.#frame, this.#frame % 60 === 0 ? packets * 4 : packets, this.#frame % 60 === 0), H264);
        this.#frame += 1;
      }
      this.link.arrived(now, (sent, at) => this.#take(sent, at));
      this.#answer(now);
    }
  }

  #take(sent: SentRtp, at: number): void {
    if (this.#transportCc) {
      this.#feedback.received(this.#transport.unwrap(transportSequence(sent)), millis(at));
    }
    const { header, payload } = sent;
    let number = header.sequenceNumber;
    if (header.ssrc === VIDEO.rtxSsrc) {
      this.repeated += 1;
      const original = (payload[0]! << 8) | payload[1]!;
      number = (this.#sequence.newest ?? 0) + sequenceDistance((this.#sequence.newest ?? 0) & 0xffff, original);
    } else {
      number = this.#sequence.unwrap(header.sequenceNumber);
    }
    this.#have.add(number);
    if (this.#complete < 0) {
      this.#complete = number;
    }
    while (this.#have.delete(this.#complete + 1)) {
      this.#complete += 1;
      this.longestStall = Math.max(this.longestStall, at - this.completeAt);
      this.completeAt = at;
    }
  }

  #answer(now: number): void {
    const { sender } = this.#bench;
    const at = millis(now);
    if (now >= this.#nextFeedback) {
      this.#nextFeedback += 50;
      const feedback = this.#feedback.take();
      // On its way for as long as the packets were.
      const back = millis(now + this.#delay);
      if (feedback !== undefined) {
        sender.rtcp(writeTransportFeedback(feedback), back);
      }
    }
    const missing: number[] = [];
    for (let number = this.#complete + 1; number < (this.#sequence.newest ?? 0); number += 1) {
      if (!this.#have.has(number) && now - (this.#asked.get(number) ?? Number.NEGATIVE_INFINITY) > 2 * this.#delay + 20) {
        this.#asked.set(number, now);
        missing.push(number & 0xffff);
      }
    }
    if (missing.length > 0) {
      sender.rtcp(writeNack({ senderSsrc: PEER, mediaSsrc: VIDEO.ssrc, sequenceNumbers: missing }), at);
    }
    if (now >= this.#nextReport) {
      this.#nextReport += 1000;
      const block = { ssrc: VIDEO.ssrc, fractionLost: 0, cumulativeLost: 0, highestSequence: 0, jitter: 0, lastSenderReport: 0, delaySinceLastSenderReport: 0 };
      sender.rtcp(writeReceiverReport({ ssrc: PEER, reports: [block] }), at);
    }
  }
}
