import type { PacketizedFrame } from '../../media/rtp/packetized-frame.ts';
import { millis, type Millis, type WallTime } from '../../media/time.ts';
import type { MediaSenderOptions, PayloadTypes, SenderStats } from './options.ts';

export type { ExtensionIds, MediaSenderOptions, PayloadTypes, SenderHandler, SenderStats, SendStream } from './options.ts';

/** Sends the streams of one viewer: numbers, paces, repeats, reports and estimates. */
export class MediaSender {
  readonly #options: MediaSenderOptions;

  constructor(options: MediaSenderOptions) {
    this.#options = options;
  }

  /**
   * Sends an access unit, at once or paced.
   *
   * @returns false where it was refused because the queue is full; everything up to the next key frame is then refused too.
   */
  sendVideo(_frame: PacketizedFrame, _payload: PayloadTypes): boolean {
    return this.#options.video !== undefined;
  }

  /** Sends a frame of sound, at once. */
  sendAudio(_frame: PacketizedFrame, _payload: PayloadTypes): void {}

  /** Takes a compound RTCP packet of the peer. */
  rtcp(_compound: Uint8Array, _now: Millis): void {}

  /** Says when what has the presentation time `pts`, in seconds, was before the camera. */
  setCapture(_wall: WallTime, _pts: number): void {}

  /** Says what the next rung up would need in all, in bits per second: how far to probe. 0: no more than now. */
  setDemand(_bitsPerSecond: number): void {}

  /** What is known at the moment. */
  get stats(): SenderStats {
    return {
      estimate: this.#options.initialEstimate ?? 1_000_000,
      limitedBy: 'start',
      rtt: this.#options.rtt,
      loss: 0,
      queueDelay: millis(0),
      arrivalRate: 0,
      packetsSent: 0,
      bytesSent: 0,
      retransmitted: 0,
      padding: 0,
      framesSkipped: 0,
      queued: { packets: 0, bytes: 0, delay: millis(0) },
      probes: { sent: 0, failed: 0 },
      nacks: 0,
      keyRequests: 0,
    };
  }

  /** The peer is reached elsewhere: what was learnt of the path is void. */
  pathChanged(): void {}

  /** Says BYE and stops. Idempotent. */
  close(): void {}
}
