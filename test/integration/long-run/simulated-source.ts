import type { SourceConfig, SourceSample } from '#ingest/source.ts';
import { timescale, VIDEO_TIMESCALE, wallTime, type Millis } from '#core/media/time.ts';

/** What a simulated encoder is set to. */
export type SourceOptions = {
  readonly framesPerSecond: number;
  readonly framesPerGop: number;
  /** Wall time of its first frame. */
  readonly startedAt: number;
  /** Its clock at its first frame: unsigned 32-bit milliseconds, which wrap. */
  readonly clock: number;
  readonly duration: Millis;
  /** How much faster than ours its clock runs: 50e-6 is 50 parts in a million. */
  readonly drift?: number;
};

const AUDIO_FRAME = 1024;
const SAMPLE_RATE = 48_000;
const DELAY = 40;

/** H.264 in 1280x720 and AAC in stereo at 48 kHz. */
export const configs: readonly [Extract<SourceConfig, { kind: 'video' }>, Extract<SourceConfig, { kind: 'audio' }>] = [
  { kind: 'video', codec: 'h264', codecString: 'avc1.64001f', description: Uint8Array.of(1, 0x64, 0, 0x1f), width: 1280, height: 720, timescale: VIDEO_TIMESCALE },
  { kind: 'audio', codec: 'aac', codecString: 'mp4a.40.2', description: Uint8Array.of(0x11, 0x90), sampleRate: SAMPLE_RATE, channels: 2, timescale: timescale(SAMPLE_RATE), frameDuration: AUDIO_FRAME },
];

/** The samples of an encoder in the order of their arrival, one at a time: hours of them fit into no array. */
export function* samplesOf(options: SourceOptions): Generator<SourceSample, void, void> {
  const { framesPerSecond, framesPerGop, startedAt, clock, duration, drift = 0 } = options;
  const data = { key: new Uint8Array(64), other: new Uint8Array(16), sound: new Uint8Array(8) };
  const arrivalOf = (at: number) => wallTime(startedAt + at / (1 + drift) + DELAY);
  const timestampOf = (at: number): number => Math.round(clock + at) % 2 ** 32;
  let picture = 0;
  let sound = 0;
  for (;;) {
    const pictureAt = (picture * 1000) / framesPerSecond;
    const soundAt = (sound * AUDIO_FRAME * 1000) / SAMPLE_RATE;
    if (Math.min(pictureAt, soundAt) >= duration) {
      return;
    }
    if (pictureAt <= soundAt) {
      const key = picture % framesPerGop === 0;
      yield { kind: 'video', timestamp: timestampOf(pictureAt), compositionOffset: 0, key, data: key ? data.key : data.other, arrival: arrivalOf(pictureAt) };
      picture += 1;
    } else {
      yield { kind: 'audio', timestamp: timestampOf(soundAt), compositionOffset: 0, key: true, data: data.sound, arrival: arrivalOf(soundAt) };
      sound += 1;
    }
  }
}
