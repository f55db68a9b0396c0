import { describe, expect, it } from 'vitest';

import { annexBToLengthPrefixed, escapeRbsp, joinAnnexB, joinLengthPrefixed, lengthPrefixedToAnnexB, splitAnnexB, splitLengthPrefixed, unescapeRbsp } from './nal-unit.ts';

const bytes = (hex: string): Uint8Array => Uint8Array.fromHex(hex.replaceAll(' ', ''));
const hex = (data: Uint8Array): string => data.toHex();

const annexB: [name: string, stream: string, units: string[]][] = [
  ['4-byte start codes', '00000001 0910 00000001 6588', ['0910', '6588']],
  ['3-byte start codes', '000001 0910 000001 6588', ['0910', '6588']],
  ['trailing_zero_8bits after a unit', '000001 6588 000000 000001 4199 0000', ['6588', '4199']],
  ['an emulation prevention byte inside', '000001 65000003 01', ['6500000301']],
  ['a unit of one byte', '000001 0b 000001 65aa', ['0b', '65aa']],
  ['two start codes in a row', '000001 000001 65aa', ['65aa']],
  ['no start code at all', '658877', []],
  ['nothing', '', []],
];

describe('splitAnnexB (H.264, B.1)', () => {
  it.each(annexB)('reads %s', (_name, stream, units) => {
    expect(splitAnnexB(bytes(stream)).map(hex)).toEqual(units);
  });

  it('gives back what joinAnnexB wrote, whatever the lengths', () => {
    const units = Array.from({ length: 40 }, (_, i) => Uint8Array.from({ length: i + 1 }, (_, j) => ((i * 7 + j * 3) % 254) + 2));
    expect(splitAnnexB(joinAnnexB(units)).map(hex)).toEqual(units.map(hex));
  });
});

describe('length-prefixed NAL units (ISO/IEC 14496-15, 5.3.4.2)', () => {
  it.each([
    [1, '02 0910 02 6588'],
    [2, '0002 0910 0002 6588'],
    [4, '00000002 0910 00000002 6588'],
  ] as const)('are read with lengths of %i bytes', (size, stream) => {
    expect(splitLengthPrefixed(bytes(stream), size).map(hex)).toEqual(['0910', '6588']);
  });

  it('are not taken in thousands: a few megabytes would become millions of views', () => {
    const units = Uint8Array.from({ length: 2 * 8193 }, (_, i) => (i % 2 === 0 ? 1 : 0x06));
    expect(splitLengthPrefixed(units.subarray(2), 1)).toHaveLength(8192);
    expect(() => splitLengthPrefixed(units, 1)).toThrowError(expect.objectContaining({ code: 'media/malformed' }));
    const startCodes = Uint8Array.from({ length: 4 * 8193 }, (_, i) => [0, 0, 1, 0x06][i % 4] ?? 0);
    expect(splitAnnexB(startCodes.subarray(4))).toHaveLength(8192);
    expect(() => splitAnnexB(startCodes)).toThrowError(expect.objectContaining({ code: 'media/malformed' }));
  });

  it('become Annex B and come back', () => {
    const sample = joinLengthPrefixed([bytes('6588'), bytes('0605ff')]);
    expect(hex(sample)).toBe('000000026588000000030605ff');
    expect(hex(lengthPrefixedToAnnexB(sample))).toBe('000000016588000000010605ff');
    expect(hex(annexBToLengthPrefixed(lengthPrefixedToAnnexB(sample)))).toBe(hex(sample));
  });

  it('take parameter sets in front where asked', () => {
    expect(hex(lengthPrefixedToAnnexB(bytes('000000026588'), { before: [bytes('6742'), bytes('68cb')] }))).toBe('000000016742' + '0000000168cb' + '000000016588');
  });

  it('are refused where a length leads past the end', () => {
    for (const broken of ['000000', '00000003 6588', 'ffffffff 65']) {
      expect(() => splitLengthPrefixed(bytes(broken))).toThrowError(expect.objectContaining({ code: 'media/truncated' }));
    }
  });

  it('leave empty units out', () => {
    expect(splitLengthPrefixed(bytes('00000000 00000001 65')).map(hex)).toEqual(['65']);
  });
});

describe('emulation prevention (H.264, 7.3.1)', () => {
  it.each([
    ['000000', '00000300'],
    ['000001', '00000301'],
    ['000003', '00000303'],
    ['0000000000', '0000030000030000'.slice(0, 14)],
    ['000004', '000004'],
  ])('escapes %s as %s and back', (rbsp, escaped) => {
    expect(hex(escapeRbsp(bytes(rbsp)))).toBe(escaped);
    expect(hex(unescapeRbsp(bytes(escaped)))).toBe(rbsp);
  });
});
