import { describe, expect, test } from 'vitest';

import { h264Config } from '#core/media/codecs/h264/avcc.ts';
import { H264_VECTORS } from '#core/media/codecs/h264/vectors.ts';
import type { VideoConfig } from '#core/media/track.ts';
import { videoTrack } from '../testing/sources.ts';
import { rareColourFormat } from './colour-format.ts';

const base = videoTrack().config as VideoConfig;

describe('the colour format that many players cannot decode', () => {
  // Sequence and picture parameter sets of libx264 with `-pix_fmt`.
  test.each([
    ['yuv420p', '6764000dacd941419f9f0110000003001000000303c0f1429960', undefined],
    ['yuvj420p', '6764000dacd941419f9f016c80000003008000001e078a14cb', undefined],
    ['yuv422p', '677a000dbcd941419f8dc044000003000400000300f03c50a658', '4:2:2'],
    ['yuv444p', '67f4000d919b282833f1b80880000003008000001e078a14cb', '4:4:4'],
    ['yuv420p10le', '676e000da6cd941419f9f0110000030001000003003c0f142996', '10 bit'],
    ['yuv422p10le', '677a000db6cd941419f8dc0440000003004000000f03c50a6580', '4:2:2, 10 bit'],
    ['gray', '6764000df36505067e37016c80000003008000001e078a14cb', '4:0:0'],
  ])('%s', (_name, sps, expected) => {
    const { config } = h264Config({ sps: [Uint8Array.fromHex(sps)], pps: [Uint8Array.fromHex('68ebe3cb22c0')] });
    expect(rareColourFormat({ ...base, ...config })).toBe(expected);
  });

  test.each(H264_VECTORS)('of $name', ({ name, sps, pps }) => {
    const { config } = h264Config({ sps: [Uint8Array.fromHex(sps)], pps: [Uint8Array.fromHex(pps)] });
    expect(rareColourFormat({ ...base, ...config })).toBe(name.startsWith('High 4:4:4') ? '4:4:4' : name.startsWith('High 4:2:2') ? '4:2:2, 10 bit' : undefined);
  });

  test.each([
    ['avc1.42c01e', undefined],
    ['avc1.42001e', undefined],
    ['avc1.4d401f', undefined],
    ['avc1.64001f', undefined],
    ['avc1.640c1f', undefined],
    ['avc1.58001f', 'Extended profile'],
    ['avc1.6e001f', 'High 10 profile'],
    ['avc1.7a001f', 'High 4:2:2 profile'],
    ['avc1.f4001f', 'High 4:4:4 Predictive profile'],
    ['avc1.2c001f', 'CAVLC 4:4:4 Intra profile'],
    ['avc1.76001f', 'profile 118'],
  ])('is told by the codec string %s where the record cannot be read', (codecString, expected) => {
    expect(rareColourFormat({ ...base, codecString, description: new Uint8Array() })).toBe(expected);
  });
});
