import { describe, expect, it } from 'vitest';

import { BitReader } from './bit-reader.ts';
import { BitWriter } from './bit-writer.ts';

describe('BitReader and BitWriter', () => {
  it('round-trip fields that cross bytes, 32-bit fields included', () => {
    const bytes = new BitWriter().bits(5, 3).bits(0xffff_fffe, 32).bits(1, 1).bits(0x155, 9).bytes();
    const reader = new BitReader(bytes);
    expect([reader.bits(3), reader.bits(32), reader.flag(), reader.bits(9)]).toEqual([5, 0xffff_fffe, true, 0x155]);
  });

  it.each([0, 1, 2, 3, 7, 8, 254, 255, 65_535, 1_000_000])('round-trip ue(%i) and its signed pair (H.264, 9.1)', (value) => {
    const reader = new BitReader(new BitWriter().ue(value).se(value).se(-value).bytes());
    expect([reader.ue(), reader.se(), reader.se()]).toEqual([value, value, 0 - value]);
  });

  it('refuse to read past the end', () => {
    const reader = new BitReader(Uint8Array.of(0xff));
    expect(() => reader.bits(9)).toThrowError(expect.objectContaining({ code: 'media/truncated' }));
    expect(() => new BitReader(new Uint8Array(4)).ue()).toThrowError(expect.objectContaining({ code: 'media/truncated' }));
    expect(() => new BitReader(new Uint8Array(8)).ue()).toThrowError(expect.objectContaining({ code: 'media/malformed' }));
  });
});
