import { describe, expect, it } from 'vitest';

import { buildAvcC, h264Config, parseAvcC } from './avcc.ts';
import { H264_VECTORS } from './vectors.ts';

const bytes = (hex: string): Uint8Array => Uint8Array.fromHex(hex);
/** As ffmpeg's FLV muxer writes it. */
const FFMPEG_AVCC = '01640015ffe10018' + '67640015acd941b1fe4f011000003e90000ea600f162d960' + '010006' + '68ebe3cb22c0' + 'fdf8f800';

describe('avcC (ISO/IEC 14496-15, 5.3.3.1)', () => {
  it('is read and written back to the byte', () => {
    const record = parseAvcC(bytes(FFMPEG_AVCC));
    expect(record.lengthSize).toBe(4);
    expect(buildAvcC(record).toHex()).toBe(FFMPEG_AVCC);
  });

  it.each(H264_VECTORS)('round-trips $name', ({ sps, pps }) => {
    const sets = { sps: [bytes(sps)], pps: [bytes(pps), bytes('68cb83cb20')] };
    expect(parseAvcC(buildAvcC(sets))).toEqual({ lengthSize: 4, ...sets });
  });

  it('makes the configuration of a track, with 4-byte lengths whatever came in', () => {
    const twoByteLengths = bytes(FFMPEG_AVCC.replace(/^01640015ff/, '01640015fd'));
    expect(parseAvcC(twoByteLengths).lengthSize).toBe(2);
    const { config, sps } = h264Config(parseAvcC(twoByteLengths));
    expect(config).toEqual({ kind: 'video', codec: 'h264', codecString: 'avc1.640015', description: bytes(FFMPEG_AVCC), width: 426, height: 240, timescale: 90_000 });
    expect(sps.frameRate).toBeCloseTo(29.97, 2);
  });

  it('is refused at every truncation before its last parameter set', () => {
    const whole = bytes(FFMPEG_AVCC);
    for (let length = 0; length < whole.length - 4; length += 1) {
      expect(() => h264Config(parseAvcC(whole.subarray(0, length)))).toThrowError(expect.objectContaining({ code: expect.stringMatching(/^media\//) }));
    }
  });

  it.each([
    ['another version', '02640015ffe1001867'],
    ['3-byte lengths', '01640015fee1000167' + '01000168'],
    ['a PPS where an SPS belongs', '01640015ffe1000168' + '01000168'],
    ['no parameter sets', '01640015ffe000'],
  ])('with %s is refused', (_name, hex) => {
    expect(() => h264Config(parseAvcC(bytes(hex)))).toThrowError(expect.objectContaining({ code: 'media/malformed' }));
  });
});
