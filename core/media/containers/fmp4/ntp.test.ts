import { describe, expect, it } from 'vitest';
import { wallTime } from '../../time.ts';
import { fromNtpTime, ntpTime } from './ntp.ts';

describe('NTP time (RFC 5905, section 6)', () => {
  it.each([
    ['the Unix epoch', 0, 2_208_988_800, 0],
    ['half a second later', 500, 2_208_988_800, 0x8000_0000],
    ['a quarter of a millisecond', 1_790_000_000_000.25, 3_998_988_800, 1_073_741],
    ['the last second of the era', Date.UTC(2036, 1, 7, 6, 28, 15), 0xffff_ffff, 0],
    ['the first second of the next era', Date.UTC(2036, 1, 7, 6, 28, 16), 0, 0],
  ])('of %s', (_name, at, seconds, fraction) => {
    expect(ntpTime(wallTime(at))).toEqual({ seconds, fraction });
    expect(fromNtpTime({ seconds, fraction })).toBeCloseTo(at, 3);
  });
});
