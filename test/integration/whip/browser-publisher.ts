import type { Page } from 'playwright-core';

/** How Chromium publishes its fake camera. */
export type BrowserPublication = {
  readonly url: string;
  readonly key: string;
  /** Layers of simulcast, by rid and how much smaller they are. Default: none. */
  readonly layers?: readonly { readonly rid: string; readonly scale: number; readonly maxBitrate: number }[];
  readonly codec?: string;
  readonly width?: number;
  readonly height?: number;
};

/** Sets what the picture's sender does with its encodings from now on; one without rid is `''`. It keeps the sizes it is told, whatever the machine's load. */
export function setEncodings(page: Page, changes: Readonly<Record<string, { readonly active?: boolean; readonly scaleResolutionDownBy?: number }>>): Promise<void> {
  return page.evaluate(async (wanted) => {
    type Parameters = { degradationPreference?: string; encodings: { rid?: string }[] };
    type Sender = { track: { kind: string } | null; getParameters(): Parameters; setParameters(parameters: Parameters): Promise<void> };
    const { peer } = globalThis as unknown as { peer: { getSenders(): Sender[] } };
    const sender = peer.getSenders().find(({ track }) => track?.kind === 'video');
    const parameters = sender?.getParameters() ?? { encodings: [] };
    parameters.degradationPreference = 'maintain-resolution';
    parameters.encodings.forEach((encoding) => Object.assign(encoding, wanted[encoding.rid ?? '']));
    await sender?.setParameters(parameters);
  }, changes);
}

/** Publishes from a page of the server's own origin; the session's URL. The peer connection is left as `globalThis.peer`. */
export function publishFrom(page: Page, publication: BrowserPublication): Promise<string> {
  return page.evaluate(async ({ url, key, layers = [], codec, width = 1280, height = 720 }) => {
    type Codec = { mimeType: string };
    type Transceiver = { setCodecPreferences(codecs: Codec[]): void };
    type Track = { kind: string };
    type Peer = {
      addTransceiver(track: Track, init: object): Transceiver;
      createOffer(): Promise<{ type: string; sdp: string }>;
      setLocalDescription(description: object): Promise<void>;
      setRemoteDescription(description: object): Promise<void>;
    };
    const scope = globalThis as unknown as {
      navigator: { mediaDevices: { getUserMedia(wanted: object): Promise<{ getTracks(): Track[] }> } };
      RTCPeerConnection: new () => Peer;
      RTCRtpSender: { getCapabilities(kind: string): { codecs: Codec[] } };
      peer: Peer;
    };
    const media = await scope.navigator.mediaDevices.getUserMedia({ video: { width, height, frameRate: 30 }, audio: true });
    const peer = new scope.RTCPeerConnection();
    scope.peer = peer;
    for (const track of media.getTracks()) {
      const sendEncodings = layers.map(({ rid, scale, maxBitrate }) => ({ rid, scaleResolutionDownBy: scale, maxBitrate }));
      const transceiver = peer.addTransceiver(track, { direction: 'sendonly', ...(track.kind === 'video' && layers.length > 0 ? { sendEncodings } : {}) });
      if (track.kind === 'video' && codec !== undefined) {
        const all = scope.RTCRtpSender.getCapabilities('video').codecs;
        transceiver.setCodecPreferences([...all.filter(({ mimeType }) => mimeType === codec), ...all.filter(({ mimeType }) => mimeType === 'video/rtx')]);
      }
    }
    const offer = await peer.createOffer();
    await peer.setLocalDescription(offer);
    const answer = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/sdp', authorization: `Bearer ${key}` }, body: offer.sdp });
    const sdp = await answer.text();
    if (answer.status !== 201) {
      throw new Error(`${answer.status}: ${sdp}`);
    }
    await peer.setRemoteDescription({ type: 'answer', sdp });
    return new URL(answer.headers.get('location') ?? '', url).href;
  }, publication);
}
