import { readFile } from 'node:fs/promises';
import { stripTypeScriptTypes } from 'node:module';

import { startBrowser } from '#test/support/browser.ts';

/** Options of {@link startWhipClockPublisher}. */
export type WhipClockPublisherOptions = {
  /** Origin of the server. */
  readonly url: string;
  readonly key: string;
  readonly codec: 'H264' | 'VP8';
  /** A multiple of 40. Default 640. */
  readonly width?: number;
  /** Even. Default 360. */
  readonly height?: number;
  /** Default 30. */
  readonly frameRate?: number;
  /** Most that the encoder may send, in kbit/s. Default 900. */
  readonly kilobits?: number;
};

/** A running publisher. */
export type WhipClockPublisher = {
  /** What its encoder did so far. */
  report(): Promise<WhipReport>;
  stop(): Promise<void>;
};

/** What a publisher's encoder did. Times are means in milliseconds. */
export type WhipReport = {
  readonly codec: string;
  readonly height: number;
  readonly framesPerSecond: number;
  readonly encodeMillis: number;
  /** From packetising to the socket: the pacer. */
  readonly sendMillis: number;
};

/**
 * Publishes from a Chromium of its own, over WHIP: a picture with the wall clock in every frame as a bar code, and a tone. Pictures are
 * handed over as they are made (`MediaStreamTrackGenerator`): the clock in them is that of the capture, as a camera's would be.
 */
export async function startWhipClockPublisher(options: WhipClockPublisherOptions): Promise<WhipClockPublisher> {
  const { url, key, codec, width = 640, height = 360, frameRate = 30, kilobits = 900 } = options;
  const barcode = stripTypeScriptTypes(await readFile(new URL('./barcode.ts', import.meta.url), 'utf8'));
  const browser = await startBrowser();
  try {
    const page = await browser.newPage();
    // An origin that may make pictures, with nothing on it.
    await page.goto(`${url}/healthz`);
    const module = `data:text/javascript;base64,${Buffer.from(barcode).toString('base64')}`;
    await page.evaluate(publish, { whip: `${url}/whip`, key, mimeType: `video/${codec}`, width, height, frameRate, kilobits, module });
    return {
      report: () => page.evaluate(readReport),
      stop: async () => {
        await page.evaluate(() => (globalThis as unknown as { unpublish(): Promise<void> }).unpublish());
        await browser.close();
      },
    };
  } catch (error) {
    await browser.close();
    throw error;
  }
}

type PublishArguments = {
  readonly whip: string;
  readonly key: string;
  readonly mimeType: string;
  readonly width: number;
  readonly height: number;
  readonly frameRate: number;
  readonly kilobits: number;
  /** `barcode.ts` as a script. */
  readonly module: string;
};

/** Runs in the page. */
async function publish({ whip, key, mimeType, width, height, frameRate, kilobits, module }: PublishArguments): Promise<void> {
  type Track = { readonly kind: string };
  type Codec = { readonly mimeType: string };
  type Peer = {
    addTransceiver(track: Track, init: object): { setCodecPreferences(codecs: readonly Codec[]): void };
    createOffer(): Promise<{ readonly sdp: string }>;
    setLocalDescription(description: object): Promise<void>;
    setRemoteDescription(description: object): Promise<void>;
    close(): void;
  };
  type Node = { connect(to: unknown): void; start(): void };
  type Page = {
    MediaStreamTrackGenerator: new (init: object) => Track & { readonly writable: { getWriter(): { write(frame: unknown): Promise<void> } } };
    VideoFrame: new (bytes: Uint8Array, init: object) => unknown;
    AudioContext: new () => { createOscillator(): Node; createMediaStreamDestination(): { readonly stream: { getTracks(): readonly Track[] } } };
    RTCPeerConnection: new () => Peer;
    RTCRtpSender: { getCapabilities(kind: string): { readonly codecs: readonly Codec[] } };
    peer: Peer;
    unpublish(): Promise<void>;
  };
  const page = globalThis as unknown as Page;
  const { drawBarcode } = (await import(module)) as { drawBarcode(luma: Uint8Array, width: number, height: number, now: number): void };

  const context = new page.AudioContext();
  const [tone, speaker] = [context.createOscillator(), context.createMediaStreamDestination()];
  tone.connect(speaker);
  tone.start();
  const picture = new page.MediaStreamTrackGenerator({ kind: 'video' });
  const peer = new page.RTCPeerConnection();
  page.peer = peer;
  const video = peer.addTransceiver(picture, { direction: 'sendonly', sendEncodings: [{ maxBitrate: kilobits * 1000, maxFramerate: frameRate }] });
  const codecs = page.RTCRtpSender.getCapabilities('video').codecs;
  video.setCodecPreferences([...codecs.filter((codec) => codec.mimeType === mimeType), ...codecs.filter((codec) => codec.mimeType === 'video/rtx')]);
  speaker.stream.getTracks().forEach((track) => peer.addTransceiver(track, { direction: 'sendonly' }));
  const offer = await peer.createOffer();
  await peer.setLocalDescription(offer);
  const answer = await fetch(whip, { method: 'POST', headers: { 'content-type': 'application/sdp', 'authorization': `Bearer ${key}` }, body: offer.sdp });
  const sdp = await answer.text();
  if (answer.status !== 201) {
    throw new Error(`${answer.status}: ${sdp}`);
  }
  await peer.setRemoteDescription({ type: 'answer', sdp });

  // The picture: a slow sideways drift, motion everywhere and new content at one edge.
  const luma = width * height;
  const bytes = new Uint8Array((luma * 3) / 2).fill(128);
  const background = Uint8Array.from({ length: luma }, (_, at) => 40 + ((((at % width) >> 3) * 7 + (Math.floor(at / width) >> 3) * 13) % 160));
  const writer = picture.writable.getWriter();
  const began = performance.now();
  let frames = 0;
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - began) * frameRate) / 1000);
    if (due < frames) {
      return;
    }
    // What a busy machine missed is left out, as a camera's driver does.
    frames = due + 1;
    const shift = (frames * 2) % width;
    for (let y = 0; y < height; y += 1) {
      bytes.set(background.subarray(y * width + shift, (y + 1) * width), y * width);
      bytes.set(background.subarray(y * width, y * width + shift), (y + 1) * width - shift);
    }
    drawBarcode(bytes.subarray(0, luma), width, height, Date.now());
    void writer.write(new page.VideoFrame(bytes, { format: 'I420', codedWidth: width, codedHeight: height, timestamp: Math.round(performance.now() * 1000) }));
  }, 2);
  page.unpublish = async () => {
    clearInterval(timer);
    await fetch(new URL(answer.headers.get('location') ?? '', whip), { method: 'DELETE' });
    peer.close();
  };
}

/** Runs in the page. */
async function readReport(): Promise<WhipReport> {
  type Row = Readonly<Record<string, unknown>> & { readonly type: string; readonly kind?: string; readonly id: string };
  const { peer } = globalThis as unknown as { peer: { getStats(): Promise<{ values(): Iterable<Row> }> } };
  const rows = [...(await peer.getStats()).values()];
  const sent = rows.find(({ type, kind }) => type === 'outbound-rtp' && kind === 'video');
  const codec = rows.find(({ id }) => id === sent?.['codecId']);
  const count = (name: string): number => Number(sent?.[name] ?? Number.NaN);
  return {
    codec: `${String(codec?.['mimeType'])} ${String(codec?.['sdpFmtpLine'] ?? '')}`.trim(),
    height: count('frameHeight'),
    framesPerSecond: count('framesPerSecond'),
    encodeMillis: (count('totalEncodeTime') * 1000) / count('framesEncoded'),
    sendMillis: (count('totalPacketSendDelay') * 1000) / count('packetsSent'),
  };
}
