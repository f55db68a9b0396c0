import type { PacketizedFrame } from '#core/media/rtp/packetized-frame.ts';
import type { Millis } from '#core/media/time.ts';
import type { MediaSender } from '#core/rtc/sender/media-sender.ts';

import type { Negotiated } from './negotiate.ts';
import type { Capture } from './rendition-feed.ts';
import { PayloadMap } from './rungs.ts';
import type { VideoOut } from './video-path.ts';
import type { ViewerTimeline } from './viewer-timeline.ts';

/** What the sender of a viewer does, as far as a viewer sees. */
export type ViewerSender = Pick<MediaSender, 'sendVideo' | 'sendAudio' | 'dropQueued' | 'rtcp' | 'setCapture' | 'setDemand' | 'stats' | 'pathChanged' | 'close'>;

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

  /** Tells the peer when what it is sent was before the camera. */
  captured({ wallTime, seconds }: Capture): void {
    this.sender?.setCapture(wallTime, seconds + this.#timeline.offset);
  }
}
