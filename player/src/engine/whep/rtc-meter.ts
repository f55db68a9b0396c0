import { millis, wallTime } from '#core/media/time.ts';
import type { Millis, WallTime } from '#core/media/time.ts';
import type { EventPlace } from '../../events/timed-message.ts';
import type { NetworkFigures } from '../engine.ts';
import type { ShownFrame } from './frame-watch.ts';
import { JitterTarget } from './jitter-target.ts';
import { LipSync } from './lip-sync.ts';
import { MediaClock } from './media-clock.ts';
import { meanDelay, pictureIntervals, networkFigures, readSample } from './rtc-sample.ts';
import type { RtcSample } from './rtc-sample.ts';

/** Between two looks, milliseconds; the first ones come sooner, so that the latency is known as soon as there is a picture. */
const interval = 1_000;
const firstIntervals = [50, 200, 500];

/** A picture or a sound that is played: when it was captured, by the server's clock, and when it is played, by `performance.now()`. */
type Played = { readonly captured: WallTime; readonly at: number };

/** Asks a peer connection for its statistics, and sets its jitter buffers by them. */
export class RtcMeter {
  readonly #shownFrame: () => ShownFrame | undefined;
  readonly #jitter = new JitterTarget();
  readonly #lips = new LipSync();
  readonly clock = new MediaClock();
  #peer: RTCPeerConnection | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #looks = 0;
  #sample: RtcSample | undefined;
  #figures: NetworkFigures | undefined;
  /** Bits per second that the server believes in; undefined where it does not say. */
  estimate: number | undefined;

  constructor(shownFrame: () => ShownFrame | undefined) {
    this.#shownFrame = shownFrame;
  }

  /** Watches this peer connection from now on; none when undefined. */
  watch(peer: RTCPeerConnection | undefined): void {
    clearTimeout(this.#timer);
    this.#peer = peer;
    this.#looks = 0;
    this.#sample = undefined;
    this.#figures = undefined;
    this.estimate = undefined;
    this.clock.point = undefined;
    this.#jitter.renew();
    this.#lips.renew();
    if (peer !== undefined) {
      keepBack(peer, 'video', millis(0));
      keepBack(peer, 'audio', millis(0));
      this.#schedule(peer);
    }
  }

  /** The last second's figures; undefined before them. */
  get figures(): NetworkFigures | undefined {
    return this.#figures;
  }

  /** Capture time of the picture that is shown at an instant (`performance.now()`); of the sound, where there is no picture. */
  playedAt(at: number): WallTime | undefined {
    const played = this.#picture() ?? this.#sound();
    if (played !== undefined) {
      return wallTime(played.captured + (at - played.at));
    }
    const sample = this.#sample;
    return sample?.playoutAt === undefined ? undefined : wallTime(sample.playoutAt + (at - sample.at));
  }

  /** RTP timestamp of what was played last, by the browser: of the picture, of sound where there is none. */
  playedTimestamp(): Extract<EventPlace, { kind: 'rtp' }> | undefined {
    for (const media of ['video', 'audio'] as const) {
      const [source] = this.#receiver(media)?.getSynchronizationSources() ?? [];
      if (source !== undefined) {
        return { kind: 'rtp', media, timestamp: source.rtpTimestamp };
      }
    }
    return undefined;
  }

  #picture(): Played | undefined {
    const frame = this.#shownFrame();
    return frame?.rtpTimestamp === undefined ? this.#played('video') : this.#timed('video', frame.rtpTimestamp, frame.at);
  }

  #sound(): Played | undefined {
    return this.#played('audio');
  }

  /** By what the browser says was played last. */
  #played(kind: 'video' | 'audio'): Played | undefined {
    const [source] = this.#receiver(kind)?.getSynchronizationSources() ?? [];
    // Its time is one of the wall clock, in milliseconds since 1970.
    return source === undefined ? undefined : this.#timed(kind, source.rtpTimestamp, source.timestamp - performance.timeOrigin);
  }

  #receiver(kind: 'video' | 'audio'): RTCRtpReceiver | undefined {
    return this.#peer?.getReceivers().find(({ track }) => track.kind === kind);
  }

  #timed(kind: 'video' | 'audio', rtpTimestamp: number, at: number): Played | undefined {
    const captured = this.clock.capturedAt(kind, rtpTimestamp);
    return captured === undefined ? undefined : { captured, at };
  }

  /** By how much sound is played after the picture that belongs to it. */
  #soundLate(): Millis | undefined {
    const [picture, sound] = [this.#picture(), this.#sound()];
    return picture === undefined || sound === undefined ? undefined : millis(sound.at - sound.captured - (picture.at - picture.captured));
  }

  #schedule(peer: RTCPeerConnection): void {
    this.#timer = setTimeout(() => void this.#look(peer), firstIntervals[this.#looks] ?? interval);
    this.#looks += 1;
  }

  async #look(peer: RTCPeerConnection): Promise<void> {
    const report = await peer.getStats();
    if (this.#peer !== peer) {
      return;
    }
    const before = this.#sample;
    const now = readSample(report.values(), performance.now());
    this.#sample = now;
    const target = this.#jitter.step({
      now: millis(now.at),
      freezes: before === undefined ? 0 : now.freezes - before.freezes,
      ...pictureIntervals(before, now),
      nacks: before === undefined ? 0 : now.nacks - before.nacks,
      lost: before === undefined ? 0 : Math.max(now.lost - before.lost, 0),
      jitter: now.jitter,
      roundTrip: now.roundTrip,
    });
    const lips = this.#lips.step({ late: this.#soundLate(), video: meanDelay(before, now), audio: now.soundBuffer });
    const video = millis(Math.max(target, lips.video));
    keepBack(peer, 'video', video);
    keepBack(peer, 'audio', lips.audio);
    this.#figures = networkFigures(before, now, { target: video, estimate: this.estimate });
    this.#schedule(peer);
  }
}

/** Asks for the time that media are kept back at least. Browsers without the attribute decide by themselves. */
function keepBack(peer: RTCPeerConnection, kind: 'video' | 'audio', target: Millis): void {
  for (const receiver of peer.getReceivers()) {
    if (receiver.track.kind !== kind) {
      continue;
    }
    if ('jitterBufferTarget' in receiver) {
      if (receiver.jitterBufferTarget !== target) {
        receiver.jitterBufferTarget = target;
      }
    } else if ('playoutDelayHint' in receiver) {
      // Chromium before 124; in seconds.
      (receiver as { playoutDelayHint: number }).playoutDelayHint = target / 1_000;
    }
  }
}
