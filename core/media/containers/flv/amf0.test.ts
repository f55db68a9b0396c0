import { describe, expect, it } from 'vitest';

import { decodeAmf0, encodeAmf0, encodeEcmaArray, type AmfValue } from './amf0.ts';

const cases: [name: string, hex: string, value: AmfValue][] = [
  ['a number (2.2)', '003ff0000000000000', 1],
  ['a boolean (2.3)', '0101', true],
  ['a string (2.4)', '0200046c697665', 'live'],
  ['a string of more bytes than characters', '020003e282ac', '€'],
  ['null (2.7)', '05', null],
  ['undefined (2.8)', '06', undefined],
  ['an object (2.5)', '03' + '0003617070' + '0200046c697665' + '000009', { app: 'live' }],
  ['a strict array (2.12)', '0a00000002' + '020004' + '61766331' + '05', ['avc1', null]],
];

describe('AMF0', () => {
  it.each(cases)('reads and writes %s', (_name, hex, value) => {
    expect(decodeAmf0(Uint8Array.fromHex(hex))).toEqual([value]);
    expect(encodeAmf0(value).toHex()).toBe(hex);
  });

  it.each([
    ['an ECMA array whose count is wrong (2.10)', '08000000ff' + '000161' + '0101' + '000009', { a: true }],
    ['a typed object (2.18)', '10' + '0001' + '58' + '000161' + '05' + '000009', { a: null }],
    ['a date (2.13) as milliseconds', '0b' + '4059000000000000' + '0000', 100],
    ['a long string (2.14)', '0c00000002' + '6869', 'hi'],
    ['an object that the end of the message ends', '03' + '000161' + '0101', { a: true }],
    ['a key that names the prototype, as a plain key', '03' + '0009' + '5f5f70726f746f5f5f' + '03000161' + '0101000009' + '000009', { ['__proto__']: { a: true } }],
  ] as [string, string, AmfValue][])('reads %s', (_name, hex, value) => {
    const [read] = decodeAmf0(Uint8Array.fromHex(hex));
    expect(JSON.stringify(read)).toBe(JSON.stringify(value));
    expect(({} as { a?: unknown }).a).toBeUndefined();
  });

  it('round-trips an ECMA array', () => {
    expect(decodeAmf0(encodeEcmaArray({ width: 1280, encoder: 'x' }))).toEqual([{ width: 1280, encoder: 'x' }]);
  });

  it('writes strings of more than 65,535 bytes as long strings', () => {
    expect(decodeAmf0(encodeAmf0('ä'.repeat(40_000)))).toEqual(['ä'.repeat(40_000)]);
  });

  it.each([
    ['a number cut short', '003ff0', 'media/truncated'],
    ['a string longer than the message', '02ffff61', 'media/truncated'],
    ['a strict array that announces 2^32 - 1 values', '0affffffff05', 'media/truncated'],
    ['an unknown marker', '7f', 'media/malformed'],
    ['the switch to AMF3', '1103', 'media/malformed'],
    ['a key without a value', '03000161', 'media/truncated'],
    ['arrays nested 20 deep', '0a00000001'.repeat(20) + '05', 'media/malformed'],
    ['5,000 values', '05'.repeat(5000), undefined],
  ])('refuses or bounds %s', (_name, hex, code) => {
    const read = (): AmfValue[] => decodeAmf0(Uint8Array.fromHex(hex));
    expect(read).toThrowError(expect.objectContaining({ code: code ?? 'media/malformed' }));
  });
});
