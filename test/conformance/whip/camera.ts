import { SimulatedStream } from '#core/rtc/receiver/testing/simulated-publisher.ts';
import type { TestPeer } from '#core/rtc/testing/peer.ts';

/** A picture and sound that a client sends. */
export type Camera = {
  /** Sends so much at once, whether it was stopped or not. */
  send(pictures: number): void;
  /** Sends nothing more by itself. Idempotent. */
  stop(): void;
};

const FRAME_MILLIS = 1000 / 30;
const KEY_EVERY = 30;

/** Sends 30 pictures of VP8 a second, a key frame each second, and no sound: packets as the answer to the offer `wrtc-0.10-whip` takes them. */
export function startCamera(peer: Pick<TestPeer, 'sendRtp'>): Camera {
  const video = new SimulatedStream({ ssrc: 1 });
  const began = performance.now();
  let sent = 0;
  const send = (pictures: number): void => {
    for (const end = sent + pictures; sent < end; sent += 1) {
      video.video({ key: sent % KEY_EVERY === 0, bytes: 1500 }).forEach((packet) => peer.sendRtp(packet));
    }
  };
  // A busy machine is late at times: what was missed is made up for.
  const timer = setInterval(() => send(Math.floor((performance.now() - began) / FRAME_MILLIS) + 1 - sent), FRAME_MILLIS);
  return { send, stop: () => clearInterval(timer) };
}
