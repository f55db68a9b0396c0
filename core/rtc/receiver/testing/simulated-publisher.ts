import { packetizeVp8 } from '../../../media/rtp/vp8/packetize.ts';
import { RTP_HEADER_BYTES, rtpHeaderLength, writeRtpHeader, type RtpExtension } from '../../../media/rtp/rtp-header.ts';
import type { ReceivePlan } from '../receive-plan.ts';

/** Ids and payload types of {@link planOf}. */
export const IDS = { mid: 1, rid: 2, repairedRid: 3, transportCc: 4, vp8: 96, rtx: 97, opus: 111 } as const;

/** A plan with VP8 that has NACK, PLI and RTX, and Opus. */
export function planOf(rids: readonly string[] = [], change: Partial<ReceivePlan> = {}): ReceivePlan {
  return {
    media: [
      {
        mid: 'v',
        kind: 'video',
        formats: [{ payloadType: IDS.vp8, codec: 'vp8', clockRate: 90_000, rtxPayloadType: IDS.rtx, nack: true, pli: true }],
        rids,
        sources: [],
      },
      { mid: 'a', kind: 'audio', formats: [{ payloadType: IDS.opus, codec: 'opus', clockRate: 48_000, nack: false, pli: false }], rids: [], sources: [] },
    ],
    extensions: { mid: IDS.mid, rid: IDS.rid, repairedRid: IDS.repairedRid, transportCc: IDS.transportCc },
    feedback: 'transport-cc',
    reducedSize: true,
    ...change,
  };
}

/** A frame of VP8 (RFC 6386, 9.1) that is no picture: its frame tag, for key frames with their size, then bytes of `fill`. */
export function vp8Frame(options: { readonly key: boolean; readonly bytes: number; readonly fill?: number; readonly width?: number; readonly height?: number }): Uint8Array {
  const { key, bytes, fill = 7, width = 640, height = 360 } = options;
  const frame = new Uint8Array(Math.max(bytes, 10)).fill(fill);
  const firstPartition = 2;
  const tag = (key ? 0 : 1) | (1 << 4) | (firstPartition << 5);
  frame.set([tag & 0xff, (tag >> 8) & 0xff, tag >> 16]);
  if (key) {
    frame.set([0x9d, 0x01, 0x2a, width & 0xff, width >> 8, height & 0xff, height >> 8], 3);
  }
  return frame;
}

/** Counter of transport-wide sequence numbers, one for a whole peer. */
export type Counter = { next: number };

/** One RTP stream of a simulated publisher: makes packets, and remembers them for retransmission. */
export class SimulatedStream {
  readonly ssrc: number;
  sequence: number;
  timestamp: number;
  readonly #options: { readonly mid?: string | undefined; readonly rid?: string | undefined; readonly counter?: Counter | undefined };
  readonly #sent = new Map<number, Uint8Array>();
  #rtxSequence = 1;

  constructor(options: { readonly ssrc: number; readonly sequence?: number; readonly timestamp?: number; readonly mid?: string; readonly rid?: string; readonly counter?: Counter }) {
    this.#options = options;
    this.ssrc = options.ssrc;
    this.sequence = options.sequence ?? 100;
    this.timestamp = options.timestamp ?? 5000;
  }

  /** The packets of one VP8 frame; afterwards the clock is `ticks` further. */
  video(frame: Parameters<typeof vp8Frame>[0], ticks = 3000): Uint8Array[] {
    const payloads = packetizeVp8(vp8Frame(frame), 1000);
    const packets = payloads.map((payload, at) => this.packet(IDS.vp8, payload, at === payloads.length - 1));
    this.timestamp += ticks;
    return packets;
  }

  /** One packet of Opus: 20 ms. */
  audio(bytes = 80): Uint8Array {
    const payload = new Uint8Array(bytes).fill(3);
    // TOC: CELT, fullband, 20 ms, stereo, one frame (RFC 6716, 3.1).
    payload[0] = (31 << 3) | 4;
    const packet = this.packet(IDS.opus, payload, false);
    this.timestamp += 960;
    return packet;
  }

  /** A packet with the next sequence number. */
  packet(payloadType: number, payload: Uint8Array, marker: boolean): Uint8Array {
    const sequenceNumber = this.sequence & 0xffff;
    const packet = this.#write({ payloadType, marker, sequenceNumber, ssrc: this.ssrc, ridId: IDS.rid }, payload);
    this.#sent.set(sequenceNumber, packet);
    this.sequence += 1;
    return packet;
  }

  /** The retransmission of a packet (RFC 4588) on a source of its own. */
  rtx(sequenceNumber: number, ssrc = this.ssrc + 1): Uint8Array {
    const original = this.#sent.get(sequenceNumber & 0xffff);
    if (!original) {
      throw new RangeError(`${sequenceNumber} was never sent`);
    }
    const words = new DataView(original.buffer, original.byteOffset).getUint16(RTP_HEADER_BYTES + 2);
    const start = (original[0]! & 0x10) === 0 ? RTP_HEADER_BYTES : RTP_HEADER_BYTES + 4 + 4 * words;
    const payload = new Uint8Array(original.length - start + 2);
    payload.set([sequenceNumber >> 8, sequenceNumber & 0xff]);
    payload.set(original.subarray(start), 2);
    const timestamp = new DataView(original.buffer, original.byteOffset).getUint32(4);
    const packet = this.#write({ payloadType: IDS.rtx, marker: (original[1]! & 0x80) !== 0, sequenceNumber: this.#rtxSequence, ssrc, ridId: IDS.repairedRid, timestamp }, payload);
    this.#rtxSequence += 1;
    return packet;
  }

  #write(header: { payloadType: number; marker: boolean; sequenceNumber: number; ssrc: number; ridId: number; timestamp?: number }, payload: Uint8Array): Uint8Array {
    const { mid, rid, counter } = this.#options;
    const text = new TextEncoder();
    const extensions: RtpExtension[] = [];
    if (mid !== undefined) {
      extensions.push({ id: IDS.mid, data: text.encode(mid) });
    }
    if (rid !== undefined) {
      extensions.push({ id: header.ridId, data: text.encode(rid) });
    }
    if (counter) {
      extensions.push({ id: IDS.transportCc, data: Uint8Array.of(counter.next >> 8, counter.next & 0xff) });
      counter.next = (counter.next + 1) & 0xffff;
    }
    const packet = new Uint8Array(rtpHeaderLength(extensions) + payload.length);
    const at = writeRtpHeader(packet, 0, { timestamp: this.timestamp, ...header, extensions });
    packet.set(payload, at);
    return packet;
  }
}
