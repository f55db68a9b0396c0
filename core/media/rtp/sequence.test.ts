import { describe, expect, it } from 'vitest';

import { SequenceUnwrapper, isNewer, sequenceDistance, timestampDistance } from './sequence.ts';

describe('serial number arithmetic (RFC 1982)', () => {
  it.each([
    [0, 1, 1],
    [1, 0, -1],
    [65_535, 0, 1],
    [0, 65_535, -1],
    [65_530, 5, 11],
    [100, 100, 0],
    [0, 32_767, 32_767],
    [0, 32_768, -32_768],
  ])('from %i to %i is %i', (a, b, distance) => {
    expect(sequenceDistance(a, b)).toBe(distance);
    expect(isNewer(b, a)).toBe(distance > 0);
  });

  it('knows the circle of 32 bits', () => {
    expect(timestampDistance(0xffff_ff00, 0x100)).toBe(0x200);
    expect(timestampDistance(0x100, 0xffff_ff00)).toBe(-0x200);
  });
});

describe('SequenceUnwrapper', () => {
  it('goes on over a wrap, and puts what comes late in its old place', () => {
    const unwrapper = new SequenceUnwrapper();
    expect([65_533, 65_535, 1, 0, 65_534, 2].map((value) => unwrapper.unwrap(value))).toEqual([65_533, 65_535, 65_537, 65_536, 65_534, 65_538]);
    expect(unwrapper.newest).toBe(65_538);
  });

  it('stays exact over many wraps of 32 bits', () => {
    const unwrapper = new SequenceUnwrapper(32);
    const step = 0x7000_0000;
    for (let i = 0; i < 1000; i += 1) {
      expect(unwrapper.unwrap((i * step) % 2 ** 32)).toBe(i * step);
    }
  });

  it('takes signed values of 24 bits as well', () => {
    const unwrapper = new SequenceUnwrapper(24);
    expect([0x7f_ffff, -0x80_0000, -0x7f_ffff].map((value) => unwrapper.unwrap(value))).toEqual([0x7f_ffff, 0x80_0000, 0x80_0001]);
  });

  it('counts below 0 what is older than the first by a wrap: the first stays where it is', () => {
    const unwrapper = new SequenceUnwrapper();
    expect([3, 65_534, 4].map((value) => unwrapper.unwrap(value))).toEqual([3, -2, 4]);
  });

  it('peeks without remembering, and forgets when told', () => {
    const unwrapper = new SequenceUnwrapper();
    unwrapper.unwrap(65_535);
    expect(unwrapper.peek(4)).toBe(65_540);
    expect(unwrapper.newest).toBe(65_535);
    unwrapper.reset();
    expect(unwrapper.unwrap(4)).toBe(4);
  });
});
