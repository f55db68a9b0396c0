import { describe, expect, it } from 'vitest';

import { sampleData, sortAccessUnit } from './access-unit.ts';

const nals = (...hex: string[]): Uint8Array[] => hex.map((one) => Uint8Array.fromHex(one));

describe('sortAccessUnit', () => {
  it('keeps slices and SEI, sets parameter sets aside, drops delimiters and filler', () => {
    const unit = sortAccessUnit(nals('09f0', '6742c0', '68cb', '0605', '6588', '6599', '0cffff80', '0a', '0b'));
    expect(unit.sps.map((one) => one.toHex())).toEqual(['6742c0']);
    expect(unit.pps.map((one) => one.toHex())).toEqual(['68cb']);
    expect(sampleData(unit).toHex()).toBe('00000002' + '0605' + '00000002' + '6588' + '00000002' + '6599');
    expect(unit).toMatchObject({ idr: true, picture: true });
  });

  it('tells an I picture that is not an IDR from one that is', () => {
    expect(sortAccessUnit(nals('0605', '4188'))).toMatchObject({ idr: false, picture: true });
  });

  it('sees no picture in parameter sets alone', () => {
    expect(sortAccessUnit(nals('6742c0', '68cb', '0605'))).toMatchObject({ idr: false, picture: false });
  });
});
