import { describe, expect, it } from 'vitest';

import { broadcastId, compareFrames } from './frame.ts';
import { gridGroup, type Grouping } from './grouping.ts';
import { ticks, VIDEO_TIMESCALE } from './time.ts';
import { configIdOf, trackName, type VideoConfig } from './track.ts';

const config: VideoConfig = {
  kind: 'video',
  codec: 'h264',
  codecString: 'avc1.64001f',
  description: new Uint8Array([1, 2, 3]),
  width: 640,
  height: 360,
  timescale: VIDEO_TIMESCALE,
  frameDuration: 3000,
  reordered: false,
};

describe('a configuration id', () => {
  it('is the same for equal configurations, whatever the order of their fields', () => {
    const { width, ...rest } = config;
    expect(configIdOf({ ...rest, width })).toBe(configIdOf(config));
    expect(configIdOf(config)).toMatch(/^[0-9a-f]{16}$/);
  });

  it('differs where anything differs', () => {
    const others: VideoConfig[] = [
      { ...config, width: 641 },
      { ...config, description: new Uint8Array([1, 2, 4]) },
      { ...config, frameDuration: 3003 },
      { ...config, reordered: true },
    ];
    expect(new Set([config, ...others].map(configIdOf)).size).toBe(5);
  });
});

describe('names', () => {
  it.each(['', 'V720', '-a', 'a/b', '../x', 'a'.repeat(33)])('refuse %j for a track', (name) => {
    expect(() => trackName(name)).toThrow(RangeError);
  });

  it.each(['', 'short', 'UPPERCASE', 'has-dash1', 'x'.repeat(33)])('refuse %j for a broadcast', (name) => {
    expect(() => broadcastId(name)).toThrow(RangeError);
  });
});

describe('places', () => {
  it('are ordered by epoch, then group, then index', () => {
    expect(compareFrames({ epoch: 1, group: 1, index: 0 }, { epoch: 0, group: 9, index: 9 })).toBeGreaterThan(0);
    expect(compareFrames({ epoch: 1, group: 1, index: 5 }, { epoch: 1, group: 2, index: 0 })).toBeLessThan(0);
    expect(compareFrames({ epoch: 1, group: 1, index: 5 }, { epoch: 1, group: 1, index: 5 })).toBe(0);
  });
});

describe('the grid', () => {
  const grid: Grouping = { mode: 'grid', firstGroup: 1000, firstSecond: 7 };

  it('numbers groups by whole seconds of the timeline', () => {
    expect(gridGroup(grid, ticks(7.2 * 90_000), VIDEO_TIMESCALE)).toBe(1000);
    expect(gridGroup(grid, ticks(8 * 90_000 - 1), VIDEO_TIMESCALE)).toBe(1000);
    expect(gridGroup(grid, ticks(8 * 90_000), VIDEO_TIMESCALE)).toBe(1001);
  });
});
