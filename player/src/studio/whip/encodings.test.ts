import { describe, expect, it } from 'vitest';
import { automaticBitrate, layersOf, totalBitrate } from './encodings.ts';

describe('the layers of a picture', () => {
  const cases = [
    { height: 1080, simulcast: true, rids: ['270p', '540p', '1080p'] },
    { height: 720, simulcast: true, rids: ['180p', '360p', '720p'] },
    { height: 719, simulcast: true, rids: ['360p', '719p'] },
    { height: 480, simulcast: true, rids: ['240p', '480p'] },
    { height: 360, simulcast: true, rids: ['180p', '360p'] },
    { height: 359, simulcast: true, rids: [undefined] },
    { height: 1080, simulcast: false, rids: [undefined] },
  ];
  it.each(cases)('of $height lines, simulcast $simulcast, are $rids', ({ height, simulcast, rids }) => {
    const layers = layersOf({ height, frameRate: 30, bitrate: 2_000_000, simulcast });
    expect(layers.map(({ rid }) => rid)).toEqual(rids);
    // RFC 8851, 10: letters and digits, so that every reader takes them.
    expect(layers.every(({ rid }) => rid === undefined || /^[a-z0-9]{1,16}$/.test(rid))).toBe(true);
  });

  it('share the bits so that the best has what was asked for, and half its lines a third of it', () => {
    const layers = layersOf({ height: 720, frameRate: 30, bitrate: 2_400_000, simulcast: true });
    expect(layers.map(({ maxBitrate }) => maxBitrate)).toEqual([300_000, 848_528, 2_400_000]);
    expect(layers.map(({ scaleResolutionDownBy }) => scaleResolutionDownBy)).toEqual([4, 2, 1]);
    expect(totalBitrate(layers)).toBe(3_548_528);
  });

  it('have one spatial and one temporal layer each, and the frame rate asked for', () => {
    for (const layer of layersOf({ height: 720, frameRate: 24, bitrate: 1, simulcast: true })) {
      expect(layer).toMatchObject({ scalabilityMode: 'L1T1', maxFramerate: 24 });
    }
  });
});

describe('the bit rate that suits', () => {
  it.each([
    [2160, 30, 9_000_000],
    [1080, 30, 5_000_000],
    [1080, 60, 7_500_000],
    [720, 30, 2_500_000],
    [480, 15, 1_300_000],
    [90, 30, 400_000],
  ])('%i lines at %i frames a second is %i', (height, frameRate, bitrate) => {
    expect(automaticBitrate(height, frameRate)).toBe(bitrate);
  });
});
