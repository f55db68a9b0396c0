import { createDepacketizer, type AccessUnit, type Depacketizer } from '../../media/rtp/depacketizer.ts';
import type { RtpCodec } from '../../media/rtp/packetizer.ts';
import { rtpPayload, type RtpHeader } from '../../media/rtp/rtp-header.ts';
import { SequenceUnwrapper } from '../../media/rtp/sequence.ts';
import type { Millis } from '../../media/time.ts';
import { JitterBuffer, type Arrival, type OrderedPayload } from './jitter-buffer.ts';
import { KeyRequests } from './key-requests.ts';
import type { ReceivedFormat, ReceivedMedia, StreamKey } from './receive-plan.ts';
import { ReceiveRate } from './receive-rate.ts';
import { ReceptionStatistics } from './reception-statistics.ts';

/** A whole access unit of a stream. Its timestamp is unwrapped and counts from where the SSRC's own began. */
export type ReceivedUnit = AccessUnit & {
  /** Ticks per second of the timestamp. */
  readonly clockRate: number;
  /** When its last packet came. */
  readonly arrival: Millis;
};

/** What a stream works with. */
export type InboundStreamOptions = {
  readonly key: StreamKey;
  readonly media: ReceivedMedia;
  readonly ssrc: number;
  readonly format: ReceivedFormat;
  readonly now: Millis;
  readonly rtt: Millis | undefined;
  readonly out: (unit: ReceivedUnit) => void;
};

/** How long a picture without its references is worse than none: where the publisher answers requests, a key frame is there sooner. */
const FREEZE = 500;
/** A stream that was not heard for so long is paused. */
const SILENT = 1000;

/** One SSRC of a publisher: its packets in, its access units out. */
export class InboundStream {
  readonly key: StreamKey;
  readonly ssrc: number;
  readonly statistics: ReceptionStatistics;
  readonly rate = new ReceiveRate();
  readonly keys: KeyRequests;
  readonly #jitter: JitterBuffer;
  readonly #media: ReceivedMedia;
  readonly #out: (unit: ReceivedUnit) => void;
  readonly #timestamps = new SequenceUnwrapper(32);
  #format: ReceivedFormat;
  #depacketizer: Depacketizer;
  #codec: RtpCodec;
  #heardAt: Millis;
  #now: Millis;
  /** References were lost: since then only a key frame, or the end of patience, helps. */
  #damagedSince: Millis | undefined;
  #withheld = 0;

  constructor(options: InboundStreamOptions) {
    this.key = options.key;
    this.ssrc = options.ssrc;
    this.#media = options.media;
    this.#out = options.out;
    this.#format = options.format;
    this.#heardAt = this.#now = options.now;
    this.#codec = options.format.codec;
    this.#depacketizer = createDepacketizer(this.#codec);
    this.statistics = new ReceptionStatistics(options.format.clockRate);
    this.keys = new KeyRequests(options.now);
    this.#jitter = new JitterBuffer({ nack: options.format.nack }, (packet) => this.#ordered(packet));
    if (options.rtt !== undefined) {
      this.#jitter.lost.suggestRtt(options.rtt);
    }
  }

  get format(): ReceivedFormat {
    return this.#format;
  }

  /** Packets and bytes waiting behind a hole. */
  get held(): { readonly packets: number; readonly bytes: number } {
    return this.#jitter.held;
  }

  /** Packets that were repaired and packets that were given up, access units that were kept back for want of their references. */
  get repairs(): { readonly recovered: number; readonly givenUp: number; readonly withheld: number } {
    return { recovered: this.#jitter.lost.recovered, givenUp: this.#jitter.givenUp, withheld: this.#withheld };
  }

  get rtt(): Millis | undefined {
    return this.#jitter.lost.rtt;
  }

  /** Moment at which {@link tick}, {@link lost} or a key request is due. */
  get deadline(): Millis {
    return this.#jitter.deadline;
  }

  /** Whether packets still come. */
  silent(now: Millis): boolean {
    return now - this.#heardAt > SILENT;
  }

  /** A packet of the stream itself. */
  packet(packet: Uint8Array, header: RtpHeader, format: ReceivedFormat, now: Millis): Arrival {
    this.#hear(packet.length, now);
    this.#format = format;
    this.statistics.packet(header.sequenceNumber, header.timestamp, now);
    return this.#push(header.sequenceNumber, header, rtpPayload(packet, header), format, now, false);
  }

  /**
   * A retransmission, RFC 4588, 4: the payload begins with the original sequence number (OSN). Those that are padding alone
   * only probe the path.
   */
  repair(packet: Uint8Array, header: RtpHeader, format: ReceivedFormat, now: Millis): Arrival | 'probe' {
    this.#hear(packet.length, now);
    const payload = rtpPayload(packet, header);
    if (payload.length < 2) {
      return 'probe';
    }
    const original = ((payload[0] ?? 0) << 8) | (payload[1] ?? 0);
    return this.#push(original, header, payload.subarray(2), format, now, true);
  }

  /** Sequence numbers to ask for now. */
  lost(now: Millis): readonly number[] {
    return this.#jitter.lost.due(now).map((sequence) => sequence & 0xffff);
  }

  /** Gives up what is not worth waiting for any longer. */
  tick(now: Millis): void {
    this.#now = now;
    this.#jitter.tick(now);
  }

  #hear(bytes: number, now: Millis): void {
    this.#heardAt = this.#now = now;
    this.rate.add(bytes, now);
  }

  #push(sequence: number, header: RtpHeader, payload: Uint8Array, format: ReceivedFormat, now: Millis, repair: boolean): Arrival {
    const { marker, timestamp } = header;
    return this.#jitter.push(sequence, { payload, marker, timestamp, payloadType: format.payloadType }, now, repair);
  }

  #ordered(packet: OrderedPayload): void {
    if (packet.afterLoss) {
      this.#depacketizer.gap();
      this.#damaged();
    }
    this.#become(packet.payloadType);
    const unit = this.#depacketizer.push({
      payload: packet.payload,
      marker: packet.marker,
      timestamp: this.#timestamps.unwrap(packet.timestamp),
      sequence: packet.sequence,
    });
    if (unit) {
      this.#give(unit);
    }
  }

  /** Another codec in mid-stream: its payloads are read by another depacketiser. */
  #become(payloadType: number): void {
    const format = this.#media.formats.find((one) => one.payloadType === payloadType);
    if (format && format.codec !== this.#codec) {
      this.#depacketizer = createDepacketizer(format.codec);
      this.#codec = format.codec;
      this.#damaged();
    }
  }

  #damaged(): void {
    if (this.key.kind === 'video') {
      this.#damagedSince ??= this.#now;
      this.keys.need();
    }
  }

  #give(unit: AccessUnit): void {
    if (this.key.kind === 'video') {
      if (unit.key) {
        this.keys.key(this.#now);
        this.#damagedSince = undefined;
      } else if (this.#damagedSince !== undefined && this.keys.answered && this.#now - this.#damagedSince < FREEZE) {
        this.#withheld += 1;
        return;
      }
    }
    this.#out({ ...unit, clockRate: this.#format.clockRate, arrival: this.#now });
  }
}
