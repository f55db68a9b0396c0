import { millis, type Millis, type WallTime } from '#core/media/time.ts';

import type { SourceAnalysis } from './hold.ts';
import type { ClockReading, SourceClock } from './source-clock.ts';
import type { Warnings } from './warnings.ts';

/** Media that comes later than this makes viewers with a second of buffer stall. */
const LATE = 1000;
/** Tracks that arrive further apart than this delay the one that comes first. */
const SKEW = 1000;

/** Warns of what a single sample shows: jumps, damaged times, a bad connection. */
export function warnOfSample(
  warnings: Warnings,
  reading: ClockReading,
  damaged: boolean,
  clock: SourceClock,
  sample: { readonly kind: 'video' | 'audio'; readonly key: boolean; readonly arrival: WallTime },
): void {
  const now = sample.arrival;
  if (reading.jump !== undefined) {
    warnings.raise(
      'source/timestamp-jump',
      `The encoder's clock jumped by ${seconds(reading.jump)}. The broadcast goes on without a break, but look at the encoder's time source and at the computer's load.`,
      now,
    );
  }
  if (reading.unrelated !== undefined) {
    warnings.raise(
      'source/av-skew',
      `Sound and picture began with timestamps ${seconds(reading.unrelated)} apart and were aligned by their arrival. If they are out of step, restart the encoder.`,
      now,
      millis(300_000),
    );
  }
  if (damaged) {
    warnings.raise('source/damaged-timestamps', 'Some frames have impossible presentation times. Update the encoder, or switch B-frames off.', now);
  }
  if (clock.delay(reading.media, now) > LATE) {
    warnings.raise(
      'source/unstable-connection',
      `Media arrives up to ${seconds(clock.delay(reading.media, now))} late. The connection to the server or the computer cannot keep up: lower the bitrate, or use a cable.`,
      now,
    );
  }
  if (sample.kind === 'video' && sample.key && Math.abs(clock.audioLag()) > SKEW) {
    const lag = clock.audioLag();
    warnings.raise(
      'source/av-skew',
      `${lag > 0 ? 'Sound' : 'The picture'} arrives ${seconds(millis(Math.abs(lag)))} after ${lag > 0 ? 'the picture' : 'the sound'}. Viewers wait for the later one: check the encoder's delay settings.`,
      now,
    );
  }
}

/** Warns of what an epoch's analysis shows; takes back what no longer holds. */
export function warnOfSource(
  warnings: Warnings,
  source: { readonly video: boolean; readonly audio: boolean; readonly analysis: SourceAnalysis; readonly adaptive?: boolean },
  now: WallTime,
): void {
  const { video, audio, analysis, adaptive = false } = source;
  warnings.when(!audio, 'source/no-audio', () => 'No sound arrives. If there should be some, check the encoder\'s audio source and track.', now);
  warnings.when(!video, 'source/no-video', () => 'No picture arrives: viewers get sound only. If there should be one, check the encoder\'s video source.', now);
  warnings.when(
    video && analysis.rate === undefined && !adaptive,
    'source/variable-frame-rate',
    () => `The frame rate varies (about ${analysis.frameRate.toFixed(1)} a second), so every quality is encoded anew. Set a constant frame rate in the encoder to keep your original picture.`,
    now,
  );
  warnings.when(
    video && analysis.reordered,
    'source/b-frames',
    () => 'The encoder uses B-frames, which WebRTC cannot carry: viewers with the lowest latency get an encoded version. Set B-frames to 0 (x264: tune "zerolatency") to pass your original on.',
    now,
  );
  if (video && analysis.rate !== undefined && analysis.gop === undefined) {
    warnOfLongGop(warnings, now);
  }
}

/** Warns of key frames too far apart. */
export function warnOfLongGop(warnings: Warnings, now: WallTime): void {
  warnings.set(
    'source/long-gop',
    'Key frames come more than 2 seconds apart, so even the best quality has to be encoded anew. Set the key-frame interval to 1 or 2 seconds in the encoder (OBS: Settings, Output, Keyframe Interval).',
    now,
  );
}

function seconds(duration: Millis): string {
  const value = Math.abs(duration) / 1000;
  if (value >= 5400) {
    return `${(value / 3600).toFixed(1)} hours`;
  }
  return value >= 10 ? `${Math.round(value)} s` : `${value.toFixed(1)} s`;
}
