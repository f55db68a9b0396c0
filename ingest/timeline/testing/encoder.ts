import { timescale, VIDEO_TIMESCALE, wallTime } from '#core/media/time.ts';
import type { AudioConfig } from '#core/media/track.ts';

import type { SourceConfig, SourceSample } from '../../source.ts';

/** What a simulated encoder sends. */
export type EncoderOptions = {
  readonly fps?: number;
  /** Frames from one key frame to the next. */
  readonly gop?: number;
  /** B-frames between two reference frames. */
  readonly bFrames?: number;
  readonly sampleRate?: number;
  readonly video?: boolean;
  readonly audio?: boolean;
  /** The encoder's clock at its start, in milliseconds. */
  readonly clock?: number;
  readonly seconds?: number;
  readonly round?: (value: number) => number;
  /** Wall time at which the first frame is captured, and the way's delay. */
  readonly startedAt?: number;
  readonly delay?: number;
  readonly drop?: (frame: number) => boolean;
  /** Added to video timestamps before rounding. */
  readonly jitter?: (frame: number) => number;
  /** Added to every timestamp after rounding: jumps of the encoder's clock. `at` is the true time in milliseconds. */
  readonly shift?: (at: number) => number;
};

export const START = 1_763_798_400_000;

export const videoConfig: Extract<SourceConfig, { kind: 'video' }> = {
  kind: 'video',
  codec: 'h264',
  codecString: 'avc1.64001f',
  description: Uint8Array.of(1, 0x64, 0, 0x1f),
  width: 1280,
  height: 720,
  timescale: VIDEO_TIMESCALE,
};

/** AAC at a sample rate. */
export function audioConfig(sampleRate = 48_000): AudioConfig {
  return {
    kind: 'audio',
    codec: 'aac',
    codecString: 'mp4a.40.2',
    description: Uint8Array.of(0x11, 0x90),
    sampleRate,
    channels: 2,
    timescale: timescale(sampleRate),
    frameDuration: 1024,
  };
}

/** The samples of a simulated encoder, in the order of their arrival. */
export function encode(options: EncoderOptions = {}): SourceSample[] {
  const { video = true, audio = true, startedAt = START, delay = 40 } = options;
  const samples = [...(video ? encodeVideo(options) : []), ...(audio ? encodeAudio(options) : [])];
  return samples
    .sort((a, b) => a.at - b.at)
    .map(({ at, ...sample }) => ({ ...sample, arrival: wallTime(startedAt + at + delay) }));
}

type Timed = Omit<SourceSample, 'arrival'> & { readonly at: number };

function encodeVideo(options: EncoderOptions): Timed[] {
  const { fps = 30, gop = 60, bFrames = 0, clock = 0, seconds = 4, round = Math.round, drop = () => false, jitter = () => 0, shift = () => 0 } = options;
  const frame = 1000 / fps;
  const samples: Timed[] = [];
  for (let n = 0; n < Math.round(seconds * fps); n += 1) {
    const at = n * frame;
    if (drop(n)) {
      continue;
    }
    // In decoding order each reference frame comes before the B-frames it is shown after.
    const place = n % gop;
    const inRun = bFrames === 0 ? 0 : (place - 1) % (bFrames + 1);
    const lead = bFrames === 0 ? 0 : place === 0 ? 1 : inRun === 0 ? Math.min(bFrames, gop - 1 - place) + 1 : 0;
    samples.push({
      kind: 'video',
      at,
      timestamp: (round(at + clock + jitter(n)) + shift(at)) >>> 0,
      compositionOffset: round(lead * frame),
      key: place === 0,
      data: new Uint8Array(place === 0 ? 4000 : 1000).fill(n & 0xff),
    });
  }
  return samples;
}

function encodeAudio(options: EncoderOptions): Timed[] {
  const { sampleRate = 48_000, clock = 0, seconds = 4, round = Math.round, shift = () => 0 } = options;
  const frame = (1024 * 1000) / sampleRate;
  return Array.from({ length: Math.floor((seconds * 1000) / frame) }, (_, n) => ({
    kind: 'audio' as const,
    at: n * frame,
    timestamp: (round(n * frame + clock) + shift(n * frame)) >>> 0,
    compositionOffset: 0,
    key: true,
    data: new Uint8Array(300).fill(n & 0xff),
  }));
}
