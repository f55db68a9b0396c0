import type { PacketizedFrame } from '../../media/rtp/packetized-frame.ts';
import type { Millis } from '../../media/time.ts';
import type { ExtensionIds, PayloadTypes, SendStream } from './options.ts';
import type { Outlet } from './outlet.ts';
import { RtpWriter, writePadding } from './rtp-writer.ts';
import { SendHistory, type SentPacket } from './send-history.ts';

/** Counts each packet, told its bytes on the path, and gives it its transport-wide sequence number where it is to have one, else 0. */
export type TransportCounter = (wireBytes: number, numbered: boolean, now: Millis) => number;

/** The most that one byte can count (RFC 3550, 5.1), in whole words. */
const PADDING = 252;
/** Original sequence number, RFC 4588, 4. */
const OSN_BYTES = 2;

/** What a stream's history may hold. Both counts are powers of two. */
export type HistoryBounds = { readonly packets: number; readonly mostPackets: number; readonly mostBytes: number };

/** The packets of one SSRC and of its retransmissions: numbers, timestamps, history. */
export class OutgoingStream {
  readonly description: SendStream;
  readonly history: SendHistory;
  /** What a sender report counts: packets, and bytes of payload without padding. */
  packets = 0;
  octets = 0;
  /** The newest frame sent: its media time, and when. */
  newest: { readonly timestamp: number; readonly at: Millis } | undefined;
  /** Sequence number of the newest key frame's first packet, unwrapped. */
  keySequence = 0;
  /** Whether a sender report on it has gone out. */
  reported = false;
  /** Whether the last packet ended a frame: padding may stand only there. */
  betweenFrames = true;
  readonly #outlet: Outlet;
  readonly #count: TransportCounter;
  readonly #offset: number;
  readonly #withMid: RtpWriter;
  readonly #plain: RtpWriter;
  readonly #rtxWithMid: RtpWriter | undefined;
  readonly #rtxPlain: RtpWriter | undefined;
  readonly #numbered: boolean;
  #sequence: number;
  #rtxSequence: number;
  #writeMid: boolean;

  constructor(description: SendStream, common: ExtensionIds, bounds: HistoryBounds, outlet: Outlet, count: TransportCounter, random: () => number) {
    const { extensions = common } = description;
    this.description = description;
    this.#numbered = extensions.transportCc !== undefined;
    this.#outlet = outlet;
    this.#count = count;
    // RFC 3550, 5.1: both "SHOULD be random". The sequence number begins in the lower half, so that no early packet is taken for one before a wrap.
    this.#sequence = Math.floor(random() * 0x8000);
    this.#rtxSequence = Math.floor(random() * 0x8000);
    this.#offset = Math.floor(random() * 0x1_0000_0000);
    this.history = new SendHistory(this.#sequence, bounds.packets, bounds.mostPackets, bounds.mostBytes);
    this.#withMid = new RtpWriter(description.ssrc, extensions, description.mid);
    this.#plain = new RtpWriter(description.ssrc, extensions, undefined);
    const { rtxSsrc } = description;
    this.#rtxWithMid = rtxSsrc === undefined ? undefined : new RtpWriter(rtxSsrc, extensions, description.mid);
    this.#rtxPlain = rtxSsrc === undefined ? undefined : new RtpWriter(rtxSsrc, extensions, undefined);
    this.#writeMid = extensions.mid !== undefined;
  }

  /** The peer knows the SSRC: the mid has done its duty (RFC 8843, 9.2). */
  recognised(): void {
    this.#writeMid = false;
  }

  /** The RTP timestamp of a media time. */
  rtpTimestamp(timestamp: number): number {
    return (timestamp + this.#offset) >>> 0;
  }

  /** Bytes that packet `index` of a frame takes on the path. */
  wireBytes(frame: PacketizedFrame, index: number): number {
    return this.#outlet.wireBytes(this.#plain.headerLength + frame.payloads[index]!.length);
  }

  /** Sends packet `index` of a frame. @returns its bytes on the path. */
  send(frame: PacketizedFrame, index: number, payload: PayloadTypes, marker: boolean, now: Millis, keep: Millis): number {
    const bytes = frame.payloads[index]!;
    const timestamp = this.rtpTimestamp(frame.timestamp);
    if (index === 0) {
      this.newest = { timestamp: frame.timestamp, at: now };
      this.keySequence = frame.key ? this.#sequence : this.keySequence;
    }
    this.betweenFrames = index === frame.payloads.length - 1;
    this.packets += 1;
    this.octets += bytes.length;
    const writer = this.#writeMid ? this.#withMid : this.#plain;
    const length = writer.headerLength + bytes.length;
    const wireBytes = this.#outlet.wireBytes(length);
    const transport = this.#count(wireBytes, this.#numbered, now);
    this.history.add(frame, index, payload, timestamp, transport, this.#writeMid, now, keep);
    this.#write(writer, length, payload.type, marker, this.#sequence, timestamp, transport, bytes, -1, now);
    this.#sequence += 1;
    return wireBytes;
  }

  /** Whether a packet can be sent again under the SSRC of retransmissions. */
  hasRtx(packet: SentPacket): boolean {
    return this.#rtxPlain !== undefined && packet.payload.rtxType !== undefined && packet.frame !== undefined;
  }

  /** Bytes on the path that sending a packet again takes. */
  againBytes(packet: SentPacket): number {
    return this.#outlet.wireBytes(this.#plain.headerLength + OSN_BYTES + (packet.frame?.payloads[packet.index]?.length ?? PADDING));
  }

  /** Sends a packet again: as a retransmission, else as it was. @returns its bytes on the path. */
  again(packet: SentPacket, marker: boolean, now: Millis): number {
    if (!this.hasRtx(packet)) {
      return this.#asItWas(packet, marker);
    }
    const bytes = packet.frame!.payloads[packet.index]!;
    const writer = (this.#writeMid ? this.#rtxWithMid : this.#rtxPlain)!;
    const length = writer.headerLength + OSN_BYTES + bytes.length;
    const wireBytes = this.#outlet.wireBytes(length);
    const transport = this.#count(wireBytes, this.#numbered, now);
    this.#write(writer, length, packet.payload.rtxType!, marker, this.#rtxSequence, packet.timestamp, transport, bytes, packet.sequence, now);
    this.#rtxSequence += 1;
    return wireBytes;
  }

  /** Sends a packet of nothing but padding on the media's SSRC; only between frames. @returns its bytes on the path; 0 where it may not. */
  pad(now: Millis, keep: Millis): number {
    const last = this.history.recent(0);
    if (last === undefined || !this.betweenFrames) {
      return 0;
    }
    const writer = this.#writeMid ? this.#withMid : this.#plain;
    const wireBytes = this.#outlet.wireBytes(writer.headerLength + PADDING);
    const transport = this.#count(wireBytes, this.#numbered, now);
    this.packets += 1;
    this.history.add(undefined, 0, last.payload, last.timestamp, transport, this.#writeMid, now, keep);
    this.#writePadded(writer, last.payload.type, this.#sequence, last.timestamp, transport, now);
    this.#sequence += 1;
    return wireBytes;
  }

  /**
   * Byte for byte the same packet: with AES-GCM two different ones under one sequence number would be a nonce used twice (RFC 7714, 8.1),
   * so even the moment of sending and the transport-wide number are those of the first time.
   */
  #asItWas(packet: SentPacket, marker: boolean): number {
    const writer = packet.mid ? this.#withMid : this.#plain;
    if (packet.frame === undefined) {
      this.#writePadded(writer, packet.payload.type, packet.sequence, packet.timestamp, packet.transportSequence, packet.sentAt);
      return this.#outlet.wireBytes(writer.headerLength + PADDING);
    }
    const bytes = packet.frame.payloads[packet.index]!;
    const length = writer.headerLength + bytes.length;
    this.#write(writer, length, packet.payload.type, marker, packet.sequence, packet.timestamp, packet.transportSequence, bytes, -1, packet.sentAt);
    return this.#outlet.wireBytes(length);
  }

  #write(
    writer: RtpWriter, length: number, payloadType: number, marker: boolean, sequence: number, timestamp: number,
    transport: number, payload: Uint8Array, original: number, now: Millis,
  ): void {
    const { batch } = this.#outlet;
    const at = this.#outlet.add(length);
    let place = writer.header(batch, at, payloadType, marker, sequence, timestamp, transport, now);
    if (original >= 0) {
      batch.view.setUint16(place, original & 0xffff);
      place += OSN_BYTES;
    }
    batch.bytes.set(payload, place);
  }

  #writePadded(writer: RtpWriter, payloadType: number, sequence: number, timestamp: number, transport: number, now: Millis): void {
    const at = this.#outlet.add(writer.headerLength + PADDING);
    const place = writer.header(this.#outlet.batch, at, payloadType, false, sequence, timestamp, transport, now);
    writePadding(this.#outlet.batch, at, place, PADDING);
  }
}

