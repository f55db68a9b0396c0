import { describe, expect, it } from 'vitest';

import { framesPerPart, partDuration, partTarget } from './parts.ts';
import { timescale, VIDEO_TIMESCALE } from './time.ts';
import type { AudioConfig, VideoConfig } from './track.ts';

function video(frameDuration: number): VideoConfig {
  return {
    kind: 'video',
    codec: 'h264',
    codecString: 'avc1.64001f',
    description: new Uint8Array(),
    width: 16,
    height: 16,
    timescale: VIDEO_TIMESCALE,
    frameDuration,
    reordered: false,
  };
}

function aac(sampleRate: number): AudioConfig {
  return {
    kind: 'audio',
    codec: 'aac',
    codecString: 'mp4a.40.2',
    description: new Uint8Array(),
    sampleRate,
    channels: 2,
    timescale: timescale(sampleRate),
    frameDuration: 1024,
  };
}

const cases = [
  { name: '23.976 fps', config: video(3753.75), frames: 5, target: 209 },
  { name: '24 fps', config: video(3750), frames: 5, target: 209 },
  { name: '25 fps', config: video(3600), frames: 5, target: 200 },
  { name: '29.97 fps', config: video(3003), frames: 6, target: 201 },
  { name: '30 fps', config: video(3000), frames: 6, target: 200 },
  { name: '59.94 fps', config: video(1501.5), frames: 12, target: 201 },
  { name: '60 fps', config: video(1500), frames: 12, target: 200 },
  { name: '3 fps', config: video(30_000), frames: 1, target: 334 },
  { name: 'a variable rate', config: video(0), frames: 6, target: 200 },
  { name: 'AAC at 48 kHz', config: aac(48_000), frames: 10, target: 214 },
  { name: 'AAC at 44.1 kHz', config: aac(44_100), frames: 9, target: 209 },
];

describe('parts', () => {
  it.each(cases)('hold the whole frames nearest to 200 ms, of sound those that reach it, at $name', ({ config, frames, target }) => {
    expect(framesPerPart(config)).toBe(frames);
    expect(partTarget([config])).toBe(target);
  });

  it('have one target over all renditions: the longest part, rounded up', () => {
    expect(partTarget([video(3003), aac(48_000)])).toBe(214);
    expect(partTarget([video(3000), aac(44_100)])).toBe(209);
  });

  it('of every rendition reach 85 % of the target', () => {
    const configs = [video(3003), video(1501.5), aac(48_000), aac(44_100)];
    const target = partTarget(configs);
    configs.forEach((config) => expect(partDuration(config)).toBeGreaterThanOrEqual(0.85 * target));
  });
});
