import type { ReportBlock, SenderReport } from '../../media/rtp/rtcp/packets.ts';
import { SequenceUnwrapper } from '../../media/rtp/sequence.ts';
import type { Millis } from '../../media/time.ts';

const MAX_JUMP = 3000;

/**
 * What a receiver reports of one source (RFC 3550, 6.4.1, A.3 and A.8). Retransmissions are not counted: what is reported lost
 * is what the network lost.
 */
export class ReceptionStatistics {
  readonly #clockRate: number;
  readonly #sequences = new SequenceUnwrapper(16);
  #first: number | undefined;
  #received = 0;
  #reported = { expected: 0, received: 0 };
  #jitter = 0;
  #transit: number | undefined;
  #senderReport: { readonly middle: number; readonly at: Millis } | undefined;
  #fractionLost = 0;

  constructor(clockRate: number) {
    this.#clockRate = clockRate;
  }

  /** Packets that came. */
  get received(): number {
    return this.#received;
  }

  /** Packets that did not come so far; not below 0. */
  get lost(): number {
    return Math.max(0, this.#expected - this.#received);
  }

  /** Loss of the last report's time, 0 to 1. */
  get loss(): number {
    return this.#fractionLost / 256;
  }

  /** Interarrival jitter in milliseconds. */
  get jitter(): Millis {
    return ((this.#jitter * 1000) / this.#clockRate) as Millis;
  }

  packet(sequenceNumber: number, timestamp: number, now: Millis): void {
    const newest = this.#sequences.newest;
    if (newest !== undefined && Math.abs(this.#sequences.peek(sequenceNumber) - newest) > MAX_JUMP) {
      this.#begin();
    }
    const sequence = this.#sequences.unwrap(sequenceNumber);
    this.#first ??= sequence;
    this.#received += 1;
    // A.8: the difference of transit times, modulo 2^32 because timestamps wrap.
    const transit = (Math.round((now * this.#clockRate) / 1000) - timestamp) | 0;
    if (this.#transit !== undefined) {
      this.#jitter += (Math.abs((transit - this.#transit) | 0) - this.#jitter) / 16;
    }
    this.#transit = transit;
  }

  senderReport(report: SenderReport, now: Millis): void {
    this.#senderReport = { middle: ((report.ntpSeconds << 16) | (report.ntpFraction >>> 16)) >>> 0, at: now };
  }

  /** The report block for the time since the last one; undefined before the first packet. */
  report(ssrc: number, now: Millis): ReportBlock | undefined {
    if (this.#first === undefined) {
      return undefined;
    }
    const expected = this.#expected - this.#reported.expected;
    const received = this.#received - this.#reported.received;
    this.#reported = { expected: this.#expected, received: this.#received };
    this.#fractionLost = expected > 0 ? Math.min(255, Math.max(0, Math.floor(((expected - received) * 256) / expected))) : 0;
    const cumulative = this.#expected - this.#received;
    return {
      ssrc,
      fractionLost: this.#fractionLost,
      cumulativeLost: Math.max(-0x80_0000, Math.min(0x7f_ffff, cumulative)),
      highestSequence: (this.#sequences.newest ?? 0) >>> 0,
      jitter: Math.min(0xffff_ffff, Math.round(this.#jitter)),
      lastSenderReport: this.#senderReport?.middle ?? 0,
      delaySinceLastSenderReport: this.#senderReport ? Math.round(((now - this.#senderReport.at) * 65_536) / 1000) >>> 0 : 0,
    };
  }

  get #expected(): number {
    return this.#first === undefined ? 0 : (this.#sequences.newest ?? 0) - this.#first + 1;
  }

  #begin(): void {
    this.#sequences.reset();
    this.#first = undefined;
    this.#received = 0;
    this.#reported = { expected: 0, received: 0 };
    this.#transit = undefined;
  }
}
