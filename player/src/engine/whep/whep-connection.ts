import { EngineError } from '../engine-error.ts';
import { apart, withStereo } from './offer.ts';
import { restartFragment, withFragment } from './sdp-fragment.ts';
import { deleteSession, patchRestart, postOffer } from './whep-http.ts';
import type { WhepLinks } from './whep-links.ts';

/** Where media are looked for while none have come, milliseconds. */
const lookInterval = 30;

/**
 * One WHEP session: an `RTCPeerConnection` that only receives. It is offered as soon as it is made, before the player's code has come, and
 * touches no element; media are ready when a frame was decoded.
 *
 * The offer leaves without waiting for candidates: the server is ICE-lite, and learns our address from our checks.
 */
export class WhepConnection {
  /** The endpoint: as it was given, then where the offer was answered. */
  url: string;
  /** By `performance.now()`. */
  readonly begunAt = performance.now();
  readonly peer: RTCPeerConnection;
  /** Sound and picture; tracks that the broadcast does not have have ended once it is {@link answered}. */
  readonly stream: MediaStream;
  /** Settles when the server has answered: rejects with an `EngineError` where it refused. */
  readonly answered: Promise<void>;
  readonly #ends = new AbortController();
  #sentOn = false;
  #resource: string | undefined;
  #links: WhepLinks = { events: undefined, layer: undefined, tellsClock: false };

  /** True where this browser knows WebRTC; some are built or set up without it. */
  static isSupported(): boolean {
    return 'RTCPeerConnection' in globalThis;
  }

  /** Offers a session at once, at the stream's WHEP endpoint. */
  constructor(url: string) {
    this.url = new URL(url, location.href).href;
    this.peer = new RTCPeerConnection({ bundlePolicy: 'max-bundle', iceServers: [] });
    const tracks = (['audio', 'video'] as const).map((kind) => this.peer.addTransceiver(kind, { direction: 'recvonly' }).receiver.track);
    this.stream = new MediaStream(tracks);
    this.answered = this.#begin();
    addEventListener('pagehide', () => this.leave(), { signal: this.#ends.signal });
    // Whoever waits hears of it; an early session that nobody came to wait for fails in silence.
    this.answered.catch(() => undefined);
  }

  /** Extensions that the server offers; empty before the answer. */
  get links(): WhepLinks {
    return this.#links;
  }

  /** True where the server has sent the offer on to another, which answered it. */
  get wasSentOn(): boolean {
    return this.#sentOn;
  }

  /** True once it was left. */
  get left(): boolean {
    return this.#ends.signal.aborted;
  }

  /**
   * Resolves when the first frame was decoded (of sound, where there is no picture).
   *
   * @throws EngineError - refused; when nothing came until the instant given, by `performance.now()`: `blocked`, or `network` where the server is connected
   */
  async media(until: number): Promise<void> {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => late.reject(this.#lateness()), Math.max(until - performance.now(), 0));
    try {
      await Promise.race([late.promise, this.#flowing()]);
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * Restarts ICE, for another network has come or the path has died. Resolves when both sides know of it; whether a path is found is
   * seen by what arrives.
   *
   * @throws EngineError, TypeError, DOMException - the session is gone, or the server cannot be reached
   */
  async restart(signal: AbortSignal): Promise<void> {
    const resource = this.#resource;
    const before = this.peer.remoteDescription?.sdp;
    if (resource === undefined || before === undefined || this.peer.signalingState !== 'stable') {
      throw new EngineError({ kind: 'network', detail: 'no session to restart' });
    }
    const offer = await this.peer.createOffer({ iceRestart: true });
    await this.peer.setLocalDescription({ type: 'offer', sdp: withStereo(offer.sdp ?? '') });
    try {
      const answer = await patchRestart(resource, restartFragment(offer.sdp ?? ''), AbortSignal.any([signal, this.#ends.signal]));
      await this.peer.setRemoteDescription({ type: 'answer', sdp: withFragment(before, answer) });
    } catch (error) {
      // The old path may still come back to life.
      await this.peer.setLocalDescription({ type: 'rollback' }).catch(() => undefined);
      throw error;
    }
  }

  /** Ends the session, here and at the server. Idempotent. */
  leave(): void {
    if (this.left) {
      return;
    }
    this.#ends.abort(new DOMException('The session was left.', 'AbortError'));
    this.peer.close();
    if (this.#resource !== undefined) {
      deleteSession(this.#resource);
    }
  }

  async #begin(): Promise<void> {
    const offer = await this.peer.createOffer();
    const sdp = withStereo(offer.sdp ?? '');
    // Both at once: the offer says already all that the server wants to know.
    const [answer] = await Promise.all([postOffer(this.url, sdp, this.#ends.signal), this.peer.setLocalDescription({ type: 'offer', sdp })]);
    this.#sentOn = answer.url !== this.url;
    this.url = answer.url;
    if (this.left) {
      deleteSession(answer.resource);
      return;
    }
    this.#resource = answer.resource;
    this.#links = answer.links;
    try {
      // Where the server tells when things were captured, we see to sound and picture ourselves: see lip-sync.ts.
      await this.peer.setRemoteDescription({ type: 'answer', sdp: answer.links.tellsClock ? apart(answer.sdp) : answer.sdp });
    } catch (error) {
      throw new EngineError({ kind: 'unfit', detail: 'the answer does not fit the offer' }, { cause: error });
    }
  }

  async #flowing(): Promise<void> {
    await this.answered;
    while (!(await this.#hasMedia())) {
      if (this.left) {
        throw new EngineError({ kind: 'network', detail: 'left' });
      }
      if (this.peer.connectionState === 'failed') {
        throw new EngineError({ kind: 'blocked', detail: 'no path to the server' });
      }
      await new Promise((resolve) => setTimeout(resolve, lookInterval));
    }
  }

  /** A decoded frame; a packet of sound is enough where no picture was agreed on. */
  async #hasMedia(): Promise<boolean> {
    const hasPicture = this.stream.getVideoTracks().some(({ readyState }) => readyState === 'live');
    for (const entry of (await this.peer.getStats()).values() as Iterable<RTCInboundRtpStreamStats>) {
      if (entry.type === 'inbound-rtp' && (entry.kind === 'video' ? (entry.framesDecoded ?? 0) > 0 : !hasPicture && (entry.packetsReceived ?? 0) > 0)) {
        return true;
      }
    }
    return false;
  }

  #lateness(): EngineError {
    const { connectionState, remoteDescription } = this.peer;
    if (connectionState === 'connected') {
      // Nothing stands in between: an encoder is just beginning, or the publisher is silent.
      return new EngineError({ kind: 'network', detail: 'connected, but no picture in time' });
    }
    return new EngineError({ kind: 'blocked', detail: remoteDescription === null ? 'no answer in time' : 'no path to the server in time' });
  }
}
