import type { Millis } from '#core/media/time.ts';
import { restartFragment, withFragment } from '../../engine/whep/sdp-fragment.ts';
import { codecsToOffer } from './codecs.ts';
import type { VideoCodec } from './codecs.ts';
import type { Layer } from './encodings.ts';
import { deleteSession, patchRestart, postOffer } from './whip-http.ts';
import type { WhipResource } from './whip-http.ts';
import { WhipRefusal } from './whip-refusal.ts';

/** What is published: at least one of the tracks. */
export type Published = {
  readonly video: MediaStreamTrack | undefined;
  readonly audio: MediaStreamTrack | undefined;
  readonly codec: VideoCodec;
  /** Smallest first. */
  readonly layers: readonly Layer[];
  /** What gives way where network or processor are too slow. */
  readonly degradation: 'maintain-framerate' | 'maintain-resolution';
};

/** Options of {@link WhipSession}. */
export type WhipSessionOptions = {
  readonly url: string;
  readonly key: string;
  readonly published: Published;
};

/** A server that does not answer a goodbye is not waited for, milliseconds. */
const goodbyePatience = 600;

/** One WHIP session: an `RTCPeerConnection` that only sends. */
export class WhipSession {
  readonly peer: RTCPeerConnection;
  readonly #key: string;
  readonly #ends = new AbortController();
  readonly #senders = new Map<'video' | 'audio', RTCRtpSender>();
  readonly #answered: Promise<void>;
  readonly #published: Published;
  #resource: WhipResource | undefined;

  /** Offers a session at once. The offer waits for no candidates: the server is ICE-lite, and learns our address from our checks. */
  constructor({ url, key, published }: WhipSessionOptions) {
    this.#key = key;
    this.#published = published;
    this.peer = new RTCPeerConnection({ bundlePolicy: 'max-bundle', iceServers: [] });
    const stream = new MediaStream();
    this.#add('audio', published.audio, stream);
    this.#add('video', published.video, stream);
    this.#answered = this.#begin(url);
    this.#answered.catch(() => undefined);
  }

  /**
   * Resolves when media can flow.
   *
   * @throws WhipRefusal - refused; `studio/blocked` when no path was found in this time
   * @throws TypeError, DOMException - the server cannot be reached; the session was left
   */
  async connected(patience: Millis): Promise<void> {
    await this.#answered;
    const { peer } = this;
    const settled = Promise.withResolvers<void>();
    const blocked = (): void => settled.reject(new WhipRefusal(201, 'studio/blocked', 'No path to the server.'));
    const look = (): void => {
      if (peer.connectionState === 'connected') {
        settled.resolve();
      } else if (peer.connectionState === 'failed' || peer.connectionState === 'closed') {
        blocked();
      }
    };
    const timer = setTimeout(blocked, patience);
    const left = (): void => settled.reject(this.#ends.signal.reason as Error);
    this.#ends.signal.addEventListener('abort', left, { once: true });
    peer.addEventListener('connectionstatechange', look);
    look();
    try {
      await settled.promise;
    } finally {
      clearTimeout(timer);
      this.#ends.signal.removeEventListener('abort', left);
      peer.removeEventListener('connectionstatechange', look);
    }
  }

  /** Sends another track in a track's place, or nothing; false where this session has no place for it, and another is needed. */
  async replace(kind: 'video' | 'audio', track: MediaStreamTrack | undefined): Promise<boolean> {
    const sender = this.#senders.get(kind);
    if (sender === undefined) {
      return track === undefined;
    }
    await sender.replaceTrack(track ?? null);
    return true;
  }

  /** Other bit rates, frame rates and preferences for the layers that are sent. Their number is fixed. */
  async retune(layers: readonly Layer[], degradation: Published['degradation']): Promise<void> {
    const sender = this.#senders.get('video');
    if (sender === undefined) {
      return;
    }
    const parameters = sender.getParameters();
    parameters.degradationPreference = degradation;
    parameters.encodings.forEach((encoding, index) => {
      const { maxBitrate, maxFramerate } = layers[index] ?? encoding;
      Object.assign(encoding, { maxBitrate, maxFramerate });
    });
    await sender.setParameters(parameters);
  }

  /**
   * Restarts ICE, for another network has come or the path has died. Resolves when both sides know of it; whether a path is
   * found is seen by what arrives.
   *
   * @throws WhipRefusal, TypeError, DOMException - the session is gone, or the server cannot be reached
   */
  async restart(signal: AbortSignal): Promise<void> {
    const { peer } = this;
    const before = peer.remoteDescription?.sdp;
    if (this.#resource === undefined || before === undefined || peer.signalingState !== 'stable') {
      throw new WhipRefusal(404, 'studio/no-session', 'There is no session to restart.');
    }
    const offer = await peer.createOffer({ iceRestart: true });
    await peer.setLocalDescription(offer);
    try {
      const answer = await patchRestart(this.#resource, restartFragment(offer.sdp ?? ''), AbortSignal.any([signal, this.#ends.signal]));
      await peer.setRemoteDescription({ type: 'answer', sdp: withFragment(before, answer) });
    } catch (error) {
      // The old path may still come back to life.
      await peer.setLocalDescription({ type: 'rollback' }).catch(() => undefined);
      throw error;
    }
  }

  /** Ends the session, here and at the server; resolves when the server knows of it or cannot be told in time. Idempotent. */
  async leave(): Promise<void> {
    if (this.#ends.signal.aborted) {
      return;
    }
    this.#ends.abort(new DOMException('The session was left.', 'AbortError'));
    const stopped = [...this.#senders.values()].map((sender) => sender.replaceTrack(null).catch(() => undefined));
    if (this.#resource !== undefined) {
      // The goodbye of DTLS would overtake the request: the server would take it for a lost publisher, and wait for their return.
      await Promise.race([deleteSession(this.#resource), new Promise((resolve) => setTimeout(resolve, goodbyePatience))]);
    }
    await Promise.all(stopped);
    this.peer.close();
  }

  #add(kind: 'video' | 'audio', track: MediaStreamTrack | undefined, stream: MediaStream): void {
    if (track === undefined) {
      return;
    }
    // One stream for both: the server and its viewers keep them in step.
    const transceiver = kind === 'video' ? this.#addVideo(track, stream) : this.peer.addTransceiver(track, { direction: 'sendonly', streams: [stream] });
    this.#senders.set(kind, transceiver.sender);
  }

  #addVideo(track: MediaStreamTrack, stream: MediaStream): RTCRtpTransceiver {
    const { layers, codec } = this.#published;
    const add = (sendEncodings: RTCRtpEncodingParameters[]): RTCRtpTransceiver => this.peer.addTransceiver(track, { direction: 'sendonly', streams: [stream], sendEncodings });
    let transceiver: RTCRtpTransceiver;
    try {
      transceiver = add([...layers]);
    } catch {
      // Browsers that do not know the mode for any codec refuse it; their own is one layer too.
      transceiver = add(layers.map(({ scalabilityMode: _mode, ...rest }) => rest));
    }
    const codecs = codecsToOffer(RTCRtpSender.getCapabilities('video')?.codecs ?? [], codec);
    if (codecs.length > 0) {
      transceiver.setCodecPreferences(codecs);
    }
    return transceiver;
  }

  async #begin(url: string): Promise<void> {
    const { peer } = this;
    const { signal } = this.#ends;
    const offer = await peer.createOffer();
    await peer.setLocalDescription(offer);
    const { sdp, resource } = await postOffer(url, this.#key, offer.sdp ?? '', signal);
    this.#resource = resource;
    if (signal.aborted) {
      await deleteSession(resource);
      throw signal.reason;
    }
    try {
      await peer.setRemoteDescription({ type: 'answer', sdp });
    } catch (error) {
      throw new WhipRefusal(201, 'studio/bad-answer', error instanceof Error ? error.message : 'The answer does not fit the offer.');
    }
    const { layers, degradation } = this.#published;
    await this.retune(layers, degradation).catch(() => undefined);
  }
}
