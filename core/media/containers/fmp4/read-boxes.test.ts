import { describe, expect, it } from 'vitest';
import { MillraceError } from '../../../runtime/errors.ts';
import { box, fullBox, u32, u8 } from './box.ts';
import { findBox, readBoxes, requireBox } from './read-boxes.ts';

describe('readBoxes (ISO/IEC 14496-12, 4.2)', () => {
  it('reads boxes in a row and inside others', () => {
    const bytes = new Uint8Array([...box('styp', u8(1, 2)), ...box('moof', fullBox('mfhd', 0, 0, u32(9)), box('traf', fullBox('tfdt', 1, 0, u32(0, 5))))]);
    const boxes = readBoxes(bytes);
    expect(boxes.map(({ type, start, size }) => [type, start, size])).toEqual([
      ['styp', 0, 10],
      ['moof', 10, 52],
    ]);
    expect(requireBox(boxes, 'moof/traf/tfdt').payload.toHex()).toBe('010000000000000000000005');
    expect(findBox(boxes, 'moof/traf/trun')).toBeUndefined();
  });

  it('reads a size of 64 bits, and one that reaches to the end', () => {
    const large = Uint8Array.fromHex('00000001' + '6d646174' + '0000000000000012' + 'aabb');
    const open = Uint8Array.fromHex('00000000' + '6d646174' + 'cc');
    const boxes = readBoxes(new Uint8Array([...large, ...open]));
    expect(boxes.map(({ size, payload }) => [size, payload.toHex()])).toEqual([
      [18, 'aabb'],
      [9, 'cc'],
    ]);
  });

  it.each([
    ['a header that is cut off', '000000'],
    ['a size below the header', '00000007 66726565'],
    ['a size past the end', '00000009 66726565'],
    ['a large size that is cut off', '00000001 66726565 00000000'],
    ['a large size below its header', '00000001 66726565 0000000000000008'],
    ['a child past its parent', '00000010 6d6f6f76 00000009 66726565 00'],
  ])('throws at %s', (_name, hex) => {
    expect(() => readBoxes(Uint8Array.fromHex(hex.replaceAll(' ', '')))).toThrow(expect.objectContaining({ code: 'media/malformed' }));
  });

  it('names the box that is missing', () => {
    expect(() => requireBox([], 'moov/trak')).toThrow(MillraceError);
    expect(() => requireBox([], 'moov/trak')).toThrow('moov/trak');
  });
});
