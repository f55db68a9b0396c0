import { parseRtcp } from '../../../media/rtp/rtcp/parse.ts';
import type { Nack, RtcpPacket } from '../../../media/rtp/rtcp/packets.ts';
import { millis, type Millis } from '../../../media/time.ts';
import type { ReceivedUnit } from '../inbound-stream.ts';
import { MediaReceiver } from '../media-receiver.ts';
import type { ReceivePlan, StreamKey } from '../receive-plan.ts';

/** A receiver with a clock that is set by hand, and everything that comes out of it. */
export class Harness {
  readonly units: { readonly key: StreamKey; readonly unit: ReceivedUnit; readonly at: number }[] = [];
  readonly sent: { readonly packet: RtcpPacket; readonly at: number }[] = [];
  readonly restarted: StreamKey[] = [];
  readonly reports: StreamKey[] = [];
  readonly receiver: MediaReceiver;
  now: Millis = millis(1000);
  /** Called for each NACK, as the publisher would hear it. */
  onNack: (nack: Nack) => void = () => undefined;

  constructor(plan: ReceivePlan, options: { readonly rtt?: number } = {}) {
    this.receiver = new MediaReceiver({
      plan,
      now: this.now,
      ssrc: 4242,
      ...(options.rtt === undefined ? {} : { rtt: millis(options.rtt) }),
      handler: {
        unit: (key, unit) => this.units.push({ key, unit, at: this.now }),
        senderReport: (key) => this.reports.push(key),
        restarted: (key) => this.restarted.push(key),
        send: (rtcp) => this.#send(rtcp),
      },
    });
  }

  /** Hands packets over, now. */
  receive(...packets: readonly Uint8Array[]): this {
    packets.forEach((packet) => this.receiver.rtp(packet, this.now));
    return this;
  }

  /** Lets time pass: does what falls due on the way. */
  pass(duration: number): this {
    const until = this.now + duration;
    for (let due = this.receiver.deadline; due <= until; due = this.receiver.deadline) {
      this.now = millis(Math.max(this.now, due));
      this.receiver.tick(this.now);
      if (this.receiver.deadline <= this.now) {
        throw new Error(`due at ${due} again after a tick at ${this.now}`);
      }
    }
    this.now = millis(until);
    return this;
  }

  /** RTCP packets of one kind that were sent. */
  ofKind<K extends RtcpPacket['kind']>(kind: K): Extract<RtcpPacket, { kind: K }>[] {
    return this.sent.flatMap(({ packet }) => (packet.kind === kind ? [packet as Extract<RtcpPacket, { kind: K }>] : []));
  }

  #send(rtcp: Uint8Array): void {
    for (const packet of parseRtcp(rtcp)) {
      this.sent.push({ packet, at: this.now });
      if (packet.kind === 'nack') {
        this.onNack(packet);
      }
    }
  }
}
