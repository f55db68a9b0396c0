import type { PacketizedFrame } from '../../../media/rtp/packetized-frame.ts';
import type { RtcpPacket } from '../../../media/rtp/rtcp/packets.ts';
import { parseRtcp } from '../../../media/rtp/rtcp/parse.ts';
import { parseRtpHeader, readExtension, type RtpHeader } from '../../../media/rtp/rtp-header.ts';
import { millis, ticks, timescale, type Millis } from '../../../media/time.ts';
import type { TrackConfig } from '../../../media/track.ts';
import { PacketBatch } from '../../packet-batch.ts';
import { TICK, Ticker } from '../../ticker.ts';
import type { PacketSink } from '../../transport.ts';
import { MediaSender, type MediaSenderOptions } from '../media-sender.ts';

/** Header extensions as the tests negotiate them. */
export const EXTENSIONS = { mid: 4, absSendTime: 2, transportCc: 3 } as const;
export const VIDEO = { mid: '0', ssrc: 0x1111_1111, rtxSsrc: 0x2222_2222, clockRate: 90_000, cname: 'broadcast' } as const;
export const AUDIO = { mid: '1', ssrc: 0x3333_3333, clockRate: 48_000, cname: 'broadcast' } as const;
export const H264 = { type: 102, rtxType: 103 } as const;
export const OPUS = { type: 111 } as const;

const VIDEO_CONFIG: TrackConfig = {
  kind: 'video', codec: 'h264', codecString: 'avc1.42e01f', description: new Uint8Array(), width: 640, height: 360, timescale: timescale(90_000), frameDuration: 3000, reordered: false,
};
const AUDIO_CONFIG: TrackConfig = { kind: 'audio', codec: 'opus', codecString: 'opus', description: new Uint8Array(), sampleRate: 48_000, channels: 2, timescale: timescale(48_000), frameDuration: 960 };

/** A frame of `packets` payloads, each filled with its own number. */
export function videoFrame(at: number, packets = 1, key = false, size = 1000): PacketizedFrame {
  const payloads = Array.from({ length: packets }, (_, i) => new Uint8Array(size).fill(i + 1));
  return { group: 1, epoch: 0, index: at, key, timestamp: ticks(at * 3000), config: VIDEO_CONFIG, payloads, byteLength: packets * size };
}

/** 20 ms of sound. */
export function audioFrame(at: number): PacketizedFrame {
  return { group: 1, epoch: 0, index: at, key: true, timestamp: ticks(at * 960), config: AUDIO_CONFIG, payloads: [new Uint8Array(100).fill(0xaa)], byteLength: 100 };
}

/** A packet that was sent, and when. */
export type SentRtp = { readonly at: Millis; readonly bytes: Uint8Array; readonly header: RtpHeader; readonly payload: Uint8Array };

/** A sender with a clock moved by hand, and everything it sends. */
export class SenderBench {
  readonly sender: MediaSender;
  readonly rtp: SentRtp[] = [];
  /** Packets in each batch. */
  readonly batches: number[] = [];
  readonly rtcp: { readonly at: Millis; readonly bytes: Uint8Array; readonly packets: readonly RtcpPacket[] }[] = [];
  readonly ticker: Ticker;
  keyRequests = 0;
  estimateChanges = 0;
  /** Where packets go besides. */
  onRtp: ((sent: SentRtp) => void) | undefined;
  #now = 1_000_000;

  constructor(options: Partial<MediaSenderOptions> = {}) {
    const clock = (): Millis => this.now;
    const sink: PacketSink = {
      overhead: 16,
      send: (batch) => this.#take(batch),
      sendRtcp: (bytes) => this.rtcp.push({ at: this.now, bytes, packets: parseRtcp(bytes) }),
    };
    this.ticker = new Ticker(clock, { set: () => undefined, clear: () => undefined });
    this.sender = new MediaSender({
      sink, clock, batch: new PacketBatch(), video: VIDEO, audio: AUDIO, extensions: EXTENSIONS, feedback: 'transport-cc', random: () => 0.25,
      ticker: this.ticker,
      handler: { keyRequest: () => (this.keyRequests += 1), estimateChanged: () => (this.estimateChanges += 1) },
      ...options,
    });
  }

  get now(): Millis {
    return millis(this.#now);
  }

  /** Lets time pass in steps of the ticker. */
  pass(time: number): void {
    for (const end = this.#now + time; this.#now < end; ) {
      this.#now = Math.min(this.#now + TICK, end);
      this.ticker.run();
    }
  }

  of(ssrc: number): SentRtp[] {
    return this.rtp.filter(({ header }) => header.ssrc === ssrc);
  }

  #take(batch: PacketBatch): void {
    this.batches.push(batch.count);
    for (let i = 0; i < batch.count; i += 1) {
      const bytes = Uint8Array.from(batch.bytes.subarray(batch.starts[i]!, batch.starts[i]! + batch.lengths[i]!));
      const header = parseRtpHeader(bytes);
      if (header === undefined) {
        throw new Error('not an RTP packet');
      }
      const sent = { at: this.now, bytes, header, payload: bytes.subarray(header.payloadOffset, header.payloadOffset + header.payloadLength) };
      this.rtp.push(sent);
      this.onRtp?.(sent);
    }
  }
}

/** The transport-wide sequence number of a packet. */
export function transportSequence({ bytes, header }: SentRtp): number {
  const data = readExtension(bytes, header, EXTENSIONS.transportCc);
  if (data === undefined) {
    throw new Error('no transport-wide sequence number');
  }
  return (data[0]! << 8) | data[1]!;
}
