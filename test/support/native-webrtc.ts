import wrtc from '@roamhq/wrtc';

/**
 * libwebrtc itself, outside any browser (@roamhq/wrtc): a second, independent client for both directions. It has VP8,
 * VP9, AV1 and Opus, but no H.264.
 */

type Track = { readonly kind: string; stop(): void };
type Peer = {
  addTrack(track: Track): unknown;
  addTransceiver(kind: 'audio' | 'video', init: { direction: 'recvonly' }): unknown;
  createOffer(): Promise<{ sdp: string }>;
  setLocalDescription(description: { type: 'offer'; sdp: string }): Promise<void>;
  setRemoteDescription(description: { type: 'answer'; sdp: string }): Promise<void>;
  getStats(): Promise<Map<string, Readonly<Record<string, unknown>>>>;
  close(): void;
  ontrack: ((event: { track: Track }) => void) | null;
  readonly connectionState: string;
};
type Picture = { readonly width: number; readonly height: number; readonly data: Uint8Array };
type Sound = { readonly samples: Int16Array; readonly sampleRate: number; readonly channelCount?: number };
type Library = {
  RTCPeerConnection: new () => Peer;
  nonstandard: {
    RTCVideoSource: new () => { createTrack(): Track; onFrame(frame: Picture): void };
    RTCVideoSink: new (track: Track) => { onframe: ((event: { frame: Picture }) => void) | null; stop(): void };
    RTCAudioSource: new () => { createTrack(): Track; onData(data: Sound & { bitsPerSample: 16; channelCount: number; numberOfFrames: number }): void };
    RTCAudioSink: new (track: Track) => { ondata: ((data: Sound) => void) | null; stop(): void };
  };
};

const { RTCPeerConnection, nonstandard } = wrtc as unknown as Library;

/** A native publisher over WHIP: a picture of one colour and a tone. */
export type NativePublisher = {
  /** Luma of the picture from the next frame on, 16 to 235. */
  paint(luma: number): void;
  stats(): Promise<readonly Readonly<Record<string, unknown>>[]>;
  /** DELETEs the session. */
  stop(): Promise<void>;
};

/** Publishes over WHIP. @throws where the server does not answer 201. */
export async function publishNatively(options: { readonly url: string; readonly key: string; readonly width?: number; readonly height?: number }): Promise<NativePublisher> {
  const { width = 320, height = 180 } = options;
  const peer = new RTCPeerConnection();
  const video = new nonstandard.RTCVideoSource();
  const audio = new nonstandard.RTCAudioSource();
  const tracks = [video.createTrack(), audio.createTrack()];
  tracks.forEach((track) => peer.addTrack(track));
  const location = await negotiate(peer, options.url, { authorization: `Bearer ${options.key}` });
  let luma = 128;
  let frames = 0;
  let ticks = 0;
  const picture = { width, height, data: new Uint8Array((width * height * 3) / 2) };
  const timer = setInterval(() => {
    ticks += 1;
    audio.onData({ samples: tone(ticks), sampleRate: 48_000, bitsPerSample: 16, channelCount: 1, numberOfFrames: 480 });
    if (ticks * 10 >= frames * (1000 / 30)) {
      frames += 1;
      picture.data.fill(luma, 0, width * height);
      picture.data.fill(128, width * height);
      video.onFrame(picture);
    }
  }, 10);
  return {
    paint: (value) => {
      luma = value;
    },
    stats: async () => [...(await peer.getStats()).values()],
    stop: async () => {
      clearInterval(timer);
      await fetch(location, { method: 'DELETE' }).catch(() => undefined);
      tracks.forEach((track) => track.stop());
      peer.close();
    },
  };
}

/** A native viewer over WHEP. */
export type NativeViewer = {
  /** Pictures decoded so far. */
  readonly pictures: number;
  /** Mean luma of the newest picture; undefined before the first. */
  readonly luma: number | undefined;
  /** Root mean square of the newest 10 ms of sound, 0 to 1; undefined before the first. */
  readonly loudness: number | undefined;
  stats(): Promise<readonly Readonly<Record<string, unknown>>[]>;
  stop(): Promise<void>;
};

/** Watches over WHEP. @throws where the server does not answer 201. */
export async function watchNatively(url: string, options: { readonly look?: boolean } = {}): Promise<NativeViewer> {
  const peer = new RTCPeerConnection();
  const seen = { pictures: 0, luma: undefined as number | undefined, loudness: undefined as number | undefined };
  const sinks: { stop(): void }[] = [];
  peer.ontrack = ({ track }) => {
    if (track.kind === 'video') {
      const sink = new nonstandard.RTCVideoSink(track);
      sink.onframe = ({ frame }) => {
        seen.pictures += 1;
        seen.luma = options.look === false ? undefined : meanLuma(frame);
      };
      sinks.push(sink);
    } else {
      const sink = new nonstandard.RTCAudioSink(track);
      sink.ondata = ({ samples }) => {
        seen.loudness = Math.sqrt(samples.reduce((sum, sample) => sum + (sample / 32_768) ** 2, 0) / Math.max(1, samples.length));
      };
      sinks.push(sink);
    }
  };
  peer.addTransceiver('audio', { direction: 'recvonly' });
  peer.addTransceiver('video', { direction: 'recvonly' });
  const location = await negotiate(peer, url, {});
  return {
    get pictures() {
      return seen.pictures;
    },
    get luma() {
      return seen.luma;
    },
    get loudness() {
      return seen.loudness;
    },
    stats: async () => [...(await peer.getStats()).values()],
    stop: async () => {
      await fetch(location, { method: 'DELETE' }).catch(() => undefined);
      sinks.forEach((sink) => sink.stop());
      peer.close();
    },
  };
}

/** Offers, and sets the answer; the session's URL. */
async function negotiate(peer: Peer, url: string, headers: Readonly<Record<string, string>>): Promise<string> {
  const offer = await peer.createOffer();
  await peer.setLocalDescription({ type: 'offer', sdp: offer.sdp });
  const answer = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/sdp', ...headers }, body: offer.sdp });
  const body = await answer.text();
  if (answer.status !== 201) {
    peer.close();
    throw new Error(`${url} answered ${answer.status}: ${body}`);
  }
  await peer.setRemoteDescription({ type: 'answer', sdp: body });
  return new URL(answer.headers.get('location') ?? '', url).href;
}

/** 10 ms of 440 Hz at half of full scale. */
function tone(tick: number): Int16Array {
  return Int16Array.from({ length: 480 }, (_, i) => Math.round(16_384 * Math.sin((2 * Math.PI * 440 * (tick * 480 + i)) / 48_000)));
}

function meanLuma({ width, height, data }: Picture): number {
  let sum = 0;
  let count = 0;
  for (let at = 0; at < width * height; at += 97) {
    sum += data[at] ?? 0;
    count += 1;
  }
  return sum / count;
}
