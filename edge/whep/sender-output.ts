import type { PacketizedFrame } from '#core/media/rtp/packetized-frame.ts';
import type { Millis, WallTime } from '#core/media/time.ts';
import type { MediaSender } from '#core/rtc/sender/media-sender.ts';

import type { FeedEvent } from './feed-events.ts';
import type { Negotiated } from './negotiate.ts';
import type { Capture } from './capture.ts';
import { PayloadMap } from './rungs.ts';
import type { VideoOut } from './video-path.ts';
import type { ViewerTimeline } from './viewer-timeline.ts';

/** Ticks per second of RTP timestamps: RFC 6184, 8.1 (and every other video format); RFC 7587, 4.1. */
const VIDEO_CLOCK = 90_000;
const OPUS_CLOCK = 48_000;

/** What the sender of a viewer does, as far as a viewer sees. */
export type ViewerSender = Pick<MediaSender, 'sendVideo' | 'sendAudio' | 'dropQueued' | 'rtcp' | 'setCapture' | 'setDemand' | 'stats' | 'pathChanged' | 'close'>;

/** An instant, in milliseconds since the Unix epoch, and the RTP timestamps of what was captured then. */
export type ClockPoint = { readonly wall: WallTime; readonly video?: number; readonly audio?: number };

/** A message, and the RTP timestamp of its frame as the viewer is sent it: the event `metadata`. */
export type MetadataPoint = FeedEvent & { readonly video?: number; readonly audio?: number };

/** A viewer's sender as its paths see it: nothing goes out before the peer is connected, nor in a format that was not negotiated. */
export class SenderOutput implements VideoOut {
  /** Undefined before the peer is connected. */
  sender: ViewerSender | undefined;
  readonly #video: PayloadMap | undefined;
  readonly #audio: PayloadMap | undefined;
  readonly #timeline: ViewerTimeline;

  constructor({ video, audio }: Negotiated, timeline: ViewerTimeline) {
    this.#video = video && new PayloadMap(video.media);
    this.#audio = audio && new PayloadMap(audio.media);
    this.#timeline = timeline;
  }

  sendVideo(frame: PacketizedFrame): boolean {
    const payload = this.#video?.of(frame.config);
    return payload !== undefined && this.sender?.sendVideo(frame, payload) === true;
  }

  /** Sends a frame of sound, at once. */
  sendAudio(frame: PacketizedFrame): void {
    const payload = this.#audio?.of(frame.config);
    if (payload !== undefined) {
      this.sender?.sendAudio(frame, payload);
    }
  }

  dropQueued(): void {
    this.sender?.dropQueued();
  }

  estimate(): number {
    return this.sender?.stats.estimate ?? 0;
  }

  rtt(): Millis | undefined {
    return this.sender?.stats.rtt;
  }

  /** Tells the peer when what it is sent was before the camera. Gives what its player may be told beside that. */
  captured({ wallTime, seconds }: Capture): ClockPoint {
    const pts = seconds + this.#timeline.offset;
    this.sender?.setCapture(wallTime, pts);
    const { video, audio } = this.sender?.stats.rtpOrigin ?? {};
    return {
      wall: wallTime,
      ...(video === undefined ? {} : { video: (video + Math.round(pts * VIDEO_CLOCK)) >>> 0 }),
      ...(audio === undefined ? {} : { audio: (audio + Math.round(pts * OPUS_CLOCK)) >>> 0 }),
    };
  }

  /** Gives what a viewer is told of a message on a frame that was sent with this timestamp; undefined before the peer is connected. */
  located(event: FeedEvent, media: 'video' | 'audio', timestamp: number): MetadataPoint | undefined {
    const origin = this.sender?.stats.rtpOrigin?.[media];
    return origin === undefined ? undefined : { ...event, [media]: (origin + timestamp) >>> 0 };
  }
}
