import { describe, expect, it } from 'vitest';

import { MillraceError } from '../../../runtime/errors.ts';
import { BitWriter } from '../bit-writer.ts';
import { escapeRbsp } from './nal-unit.ts';
import { h264CodecString, parseSps } from './sps.ts';
import { H264_VECTORS } from './vectors.ts';

describe('parseSps (H.264, 7.3.2.1.1)', () => {
  it.each(H264_VECTORS)('reads $name', ({ sps, codecString, expected }) => {
    const parsed = parseSps(Uint8Array.fromHex(sps));
    expect(parsed).toMatchObject(expected);
    expect(h264CodecString(parsed)).toBe(codecString);
  });

  it.each(H264_VECTORS)('survives every truncation of $name, and says so by code', ({ sps }) => {
    const whole = Uint8Array.fromHex(sps);
    for (let length = 0; length < whole.length; length += 1) {
      try {
        parseSps(whole.subarray(0, length));
      } catch (error) {
        expect(error).toBeInstanceOf(MillraceError);
      }
    }
    expect(() => parseSps(whole.subarray(0, 6))).toThrowError(expect.objectContaining({ code: 'media/truncated' }));
  });

  it('keeps the size where an encoder cut the VUI short', () => {
    const whole = Uint8Array.fromHex(H264_VECTORS[1]?.sps ?? '');
    const cut = parseSps(whole.subarray(0, 11));
    expect(cut).toMatchObject({ width: 640, height: 360 });
    expect(cut.frameRate).toBeUndefined();
  });

  it('leaves reordering unknown where profile and VUI say nothing', () => {
    expect(parseSps(mainSps({ widthInMbs: 20, heightInMbs: 12 })).numReorderFrames).toBeUndefined();
    expect(parseSps(mainSps({ widthInMbs: 20, heightInMbs: 12, pocType: 2 })).numReorderFrames).toBe(0);
  });

  it('refuses pictures above every level and cropping that leaves nothing', () => {
    expect(() => parseSps(mainSps({ widthInMbs: 1000, heightInMbs: 1000 }))).toThrowError(expect.objectContaining({ code: 'media/malformed' }));
    expect(() => parseSps(mainSps({ widthInMbs: 70_000, heightInMbs: 1 }))).toThrowError(expect.objectContaining({ code: 'media/malformed' }));
    expect(() => parseSps(mainSps({ widthInMbs: 2, heightInMbs: 2, crop: [8, 8, 0, 0] }))).toThrowError(expect.objectContaining({ code: 'media/malformed' }));
  });

  it('refuses another NAL unit', () => {
    expect(() => parseSps(Uint8Array.of(0x68, 1, 2, 3))).toThrowError(expect.objectContaining({ code: 'media/malformed' }));
  });
});

function mainSps(options: { widthInMbs: number; heightInMbs: number; pocType?: number; crop?: number[] }): Uint8Array {
  const writer = new BitWriter().bits(77, 8).bits(0, 8).bits(31, 8).ue(0).ue(0).ue(options.pocType ?? 0);
  if (options.pocType !== 2) {
    writer.ue(0);
  }
  writer.ue(1).bits(0, 1).ue(options.widthInMbs - 1).ue(options.heightInMbs - 1).bits(1, 1).bits(1, 1);
  writer.bits(options.crop === undefined ? 0 : 1, 1);
  options.crop?.forEach((value) => writer.ue(value));
  writer.bits(0, 1).bits(1, 1);
  return Uint8Array.of(0x67, ...escapeRbsp(writer.bytes()));
}
