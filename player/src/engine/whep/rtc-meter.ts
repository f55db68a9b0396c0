import { millis, wallTime } from '#core/media/time.ts';
import type { WallTime } from '#core/media/time.ts';
import type { NetworkFigures } from '../engine.ts';
import { JitterTarget } from './jitter-target.ts';
import { networkFigures, readSample } from './rtc-sample.ts';
import type { RtcSample } from './rtc-sample.ts';

/** Between two looks, milliseconds; the first ones come sooner, so that the latency is known as soon as there is a picture. */
const interval = 1_000;
const firstIntervals = [50, 200, 500];

/** Asks a peer connection for its statistics, and sets its jitter buffer by them. */
export class RtcMeter {
  readonly #controller = new JitterTarget();
  #peer: RTCPeerConnection | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #looks = 0;
  #sample: RtcSample | undefined;
  #figures: NetworkFigures | undefined;
  /** Bits per second that the server believes in; undefined where it does not say. */
  estimate: number | undefined;

  /** Watches this peer connection from now on; none when undefined. */
  watch(peer: RTCPeerConnection | undefined): void {
    clearTimeout(this.#timer);
    this.#peer = peer;
    this.#looks = 0;
    this.#sample = undefined;
    this.#figures = undefined;
    this.estimate = undefined;
    this.#controller.renew();
    if (peer !== undefined) {
      setTarget(peer, 0);
      this.#schedule(peer);
    }
  }

  /** The last second's figures; undefined before them. */
  get figures(): NetworkFigures | undefined {
    return this.#figures;
  }

  /** Capture time of what is played at an instant (`performance.now()`), by the sender reports; undefined before the first. */
  playoutAt(at: number): WallTime | undefined {
    const sample = this.#sample;
    return sample?.playoutAt === undefined ? undefined : wallTime(sample.playoutAt + (at - sample.at));
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
    const target = this.#controller.step({
      now: millis(now.at),
      freezes: before === undefined ? 0 : now.freezes - before.freezes,
      nacks: before === undefined ? 0 : now.nacks - before.nacks,
      lost: before === undefined ? 0 : Math.max(now.lost - before.lost, 0),
      jitter: now.jitter,
      roundTrip: now.roundTrip,
    });
    setTarget(peer, target);
    this.#figures = networkFigures(before, now, { target, estimate: this.estimate });
    this.#schedule(peer);
  }
}

/** Sound and picture are kept back alike, so that they stay in step. Browsers without the attribute decide by themselves. */
function setTarget(peer: RTCPeerConnection, target: number): void {
  for (const receiver of peer.getReceivers()) {
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
