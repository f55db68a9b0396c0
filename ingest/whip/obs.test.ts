import { describe, expect, it } from 'vitest';

import { H264_VECTORS } from '#core/media/codecs/h264/vectors.ts';
import { packetizeH264 } from '#core/media/rtp/h264/packetize.ts';
import { writeSenderReport } from '#core/media/rtp/rtcp/write.ts';
import { millis, wallTime } from '#core/media/time.ts';
import { MediaReceiver } from '#core/rtc/receiver/media-receiver.ts';
import { SimulatedStream } from '#core/rtc/receiver/testing/simulated-publisher.ts';
import { parseOffer } from '#core/rtc/sdp/parse-offer.ts';
import { offerText } from '#core/rtc/sdp/testing/offers.ts';

import { expectOrdered, startsOf } from '../timeline/testing/expect.ts';
import { START } from '../timeline/testing/encoder.ts';
import { Recorder } from '../timeline/testing/recorder.ts';
import type { SourceSink } from '../source.ts';
import { negotiate } from './negotiate.ts';
import { CLOCK_RATE } from './stream-clock.ts';
import { ToSource } from './to-source.ts';

const H264 = 96;
const FRAME = 1000 / 30;

/** A layer as OBS sends it: an encoder of its own with the same key-frame interval, a random start of its timestamps. */
class ObsLayer {
  readonly stream: SimulatedStream;
  readonly #sets: readonly Uint8Array[];
  readonly #start: number;

  constructor(ssrc: number, rid: string, vector: (typeof H264_VECTORS)[number], start: number) {
    this.stream = new SimulatedStream({ ssrc, mid: '1', rid, sequence: 65_500 + ssrc });
    this.#sets = [Uint8Array.fromHex(vector.sps), Uint8Array.fromHex(vector.pps)];
    this.#start = start;
  }

  frame(n: number, gop: number): Uint8Array[] {
    const key = n % gop === 0;
    const nal = new Uint8Array(key ? 9000 : 2200).fill(n & 0x7f);
    // A slice whose first macroblock is the picture's first.
    nal.set([key ? 0x65 : 0x41, 0x88]);
    const data = new Uint8Array(4 + nal.length);
    new DataView(data.buffer).setUint32(0, nal.length);
    data.set(nal, 4);
    const payloads = packetizeH264(data, key, this.#sets, 1200);
    this.stream.timestamp = (this.#start + n * 3000) >>> 0;
    return payloads.map((payload, at) => this.stream.packet(H264, payload, at === payloads.length - 1));
  }

  report(at: number): Uint8Array {
    return senderReport(this.stream.ssrc, this.#start + at * 90, at);
  }
}

function senderReport(ssrc: number, rtpTimestamp: number, at: number): Uint8Array {
  const seconds = 3_900_000_000 + at / 1000;
  return writeSenderReport({ ssrc, ntpSeconds: Math.floor(seconds), ntpFraction: Math.round((seconds % 1) * 2 ** 32), rtpTimestamp: Math.round(rtpTimestamp) >>> 0, packetCount: 0, octetCount: 0, reports: [] });
}

/** OBS through everything between the transport and the bus. */
class Obs {
  readonly recorder = new Recorder({ clockRate: CLOCK_RATE });
  readonly pictureLosses: number[] = [];
  readonly #receiver: MediaReceiver;
  readonly #toSource: ToSource;
  now = 0;

  constructor() {
    const { plan, adaptive } = negotiate(parseOffer(offerText('obs-32-simulcast')));
    expect(adaptive).toBe(false);
    const { timeline } = this.recorder;
    const sink: SourceSink = {
      config: (config, layers) => timeline.config(config, layers),
      sample: (sample) => {
        this.recorder.runTo(sample.arrival);
        timeline.sample(sample);
      },
      heard: () => undefined,
      metadata: (claims) => timeline.metadata(claims),
      message: () => undefined,
      network: () => undefined,
      health: undefined,
      warn: (code) => expect(code).toBe('none'),
      end: () => undefined,
    };
    sink.metadata({ hasAudio: true, hasVideo: true });
    this.#toSource = new ToSource({
      sink,
      clock: () => wallTime(START + this.now),
      wantKey: (key) => this.#receiver.requestKey(key, millis(this.now)),
      refuse: (reason) => expect(reason).toBe('none'),
      dropped: () => undefined,
    });
    this.#receiver = new MediaReceiver({
      plan,
      now: millis(0),
      ssrc: 1,
      handler: {
        unit: (key, unit) => this.#toSource.unit(key, unit),
        senderReport: (key, report, rate) => this.#toSource.senderReport(key, report, rate),
        restarted: (key) => this.#toSource.restarted(key),
        send: () => undefined,
      },
    });
  }

  get keyRequests(): number {
    return this.#receiver.statistics.keyRequests;
  }

  /** Sends for some seconds; `silent` tells which layers do not come at a time. */
  run(layers: readonly ObsLayer[], options: { readonly seconds: number; readonly gop?: number; readonly silent?: (layer: number, at: number) => boolean; readonly lose?: (n: number) => boolean }): this {
    const { seconds, gop = 60, silent = () => false, lose = () => false } = options;
    const sound = new SimulatedStream({ ssrc: 77, timestamp: 4_294_900_000 });
    const events: { readonly at: number; readonly work: () => void }[] = [];
    const rtp = (packet: Uint8Array): void => this.#receiver.rtp(packet, millis(this.now));
    let count = 0;
    for (let n = 0; n < seconds * 30; n += 1) {
      layers.forEach((layer, at) => {
        if (!silent(at, n * FRAME)) {
          // Encoders take their time, the big picture's most.
          events.push({ at: n * FRAME + 25 - 4 * at + (n % 3), work: () => layer.frame(n, gop).forEach((packet) => lose((count += 1)) || rtp(packet)) });
        }
        if (n % 30 === 15) {
          events.push({ at: n * FRAME + 30, work: () => this.#receiver.rtcp(layer.report(n * FRAME), millis(this.now)) });
        }
      });
    }
    for (let n = 0; n < seconds * 50; n += 1) {
      events.push({ at: n * 20 + 8, work: () => rtp(sound.audio()) });
      if (n % 50 === 20) {
        events.push({ at: n * 20 + 9, work: () => this.#receiver.rtcp(senderReport(77, 4_294_900_000 + n * 960, n * 20), millis(this.now)) });
      }
    }
    for (const { at, work } of events.sort((a, b) => a.at - b.at)) {
      this.#pass(at);
      work();
    }
    this.#pass(seconds * 1000);
    return this;
  }

  #pass(until: number): void {
    for (let due = this.#receiver.deadline; due <= until; due = this.#receiver.deadline) {
      this.now = due;
      this.#receiver.tick(due);
    }
    this.now = until;
    this.recorder.runTo(wallTime(START + until));
  }
}

const vector = (width: number): (typeof H264_VECTORS)[number] => H264_VECTORS.find(({ expected }) => expected.width === width)!;
const layers = (): ObsLayer[] => [
  new ObsLayer(78, '0', vector(1920), 4_294_000_000),
  new ObsLayer(79, '1', vector(640), 11),
  new ObsLayer(80, '2', vector(320), 2_000_000_000),
];

describe('OBS', () => {
  it('with a fixed rate and regular key frames is passed through: constant rate, groups at its key frames, layers beside it', () => {
    const obs = new Obs().run(layers(), { seconds: 12 });
    const { recorder } = obs;
    expect(recorder.starts).toHaveLength(1);
    expect(recorder.starts[0]).toMatchObject({ grouping: { mode: 'source' } });
    expect(recorder.starts[0]?.tracks).toMatchObject([
      { name: 'video', config: { width: 1920, frameDuration: 3000 }, video: { frameRate: 30, variableFrameRate: false, gopSeconds: 2 } },
      { name: 'video-1', layer: 1, config: { width: 640 } },
      { name: 'video-2', layer: 2, config: { width: 320 } },
      { name: 'audio', config: { codec: 'opus' } },
    ]);
    expectOrdered(recorder.frames);
    // Which layer is the best is known with the last one's first frame.
    const places = (track: string): unknown[] => recorder.of(track).filter(({ pts }) => pts > 90_000 && pts < 900_000).map(({ pts, group, key }) => [pts, group, key]);
    expect(places('video')).toHaveLength(270);
    expect(places('video-1')).toEqual(places('video'));
    expect(places('video-2')).toEqual(places('video'));
    expect(startsOf(recorder.of('video')).every(({ key }) => key)).toBe(true);
    expect(obs.keyRequests).toBe(0);
    expect(recorder.codes()).toEqual([]);
    // Sound was sent 17 ms sooner than the picture it belongs to; the reports tell.
    const video = recorder.of('video');
    const audio = recorder.of('audio');
    expect(Math.abs((audio.at(-1)?.pts ?? 0) / 48 - ((video.at(-1)?.pts ?? 0) / 90 + FRAME) + 20)).toBeLessThan(45);
  });

  it('with key frames every 8 s, which it sends whatever it is asked, is watched all the same, on the grid of seconds', () => {
    const obs = new Obs().run(layers().slice(0, 1), { seconds: 20, gop: 240 });
    expect(obs.recorder.starts).toHaveLength(1);
    expect(obs.recorder.starts[0]).toMatchObject({ grouping: { mode: 'grid' }, tracks: [{ config: { frameDuration: 3000 } }, {}] });
    expect(obs.recorder.of('video')).toHaveLength(600);
    expect(obs.recorder.codes()).toEqual(['source/long-gop']);
    expect(obs.keyRequests).toBeGreaterThan(3);
    expectOrdered(obs.recorder.frames);
  });

  it('that loses packets for good goes on with damaged pictures rather than none: it answers no request', () => {
    const obs = new Obs().run(layers().slice(0, 1), { seconds: 10, lose: (n) => n === 500 });
    // Of 300 frames the one is missing that was hit, and those that waited for it came late.
    expect(obs.recorder.of('video').length).toBe(299);
    expectOrdered(obs.recorder.frames);
  });

  it('whose best layer stops goes on with the next one from its own next key frame on, and comes back', () => {
    const obs = new Obs().run(layers().slice(0, 2), { seconds: 30, silent: (layer, at) => layer === 0 && at > 9_000 && at < 18_000 });
    const { recorder } = obs;
    expect(recorder.starts.map(({ tracks }) => tracks.map(({ config }) => ('width' in config ? config.width : 0)))).toEqual([[1920, 640, 0], [640, 0], [1920, 640, 0]]);
    expectOrdered(recorder.frames);
    // Silent from 9 s on, noticed a second later, with a key frame every 2 s.
    const back = recorder.givenAt[recorder.frames.indexOf(recorder.of('video', 1)[0]!)];
    expect((back ?? NaN) - START).toBeLessThan(12_500);
    const again = recorder.givenAt[recorder.frames.indexOf(recorder.of('video', 2)[0]!)];
    expect((again ?? NaN) - START).toBeGreaterThan(20_000);
    expect((again ?? NaN) - START).toBeLessThan(22_700);
  });
});
