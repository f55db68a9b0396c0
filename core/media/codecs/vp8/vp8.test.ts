import { describe, expect, it } from 'vitest';

import { vp8Config } from './config.ts';
import { parseVp8FrameHeader } from './frame-header.ts';

const bytes = (hex: string): Uint8Array => Uint8Array.fromHex(hex.replaceAll(' ', ''));
/** A key frame of 640x360 with a first partition of 2 bytes. */
const KEY = '500000 9d012a 8002 6801 aabb cc';

describe('parseVp8FrameHeader (RFC 6386, 9.1)', () => {
  it('reads the size of a key frame, scaling left aside', () => {
    expect(parseVp8FrameHeader(bytes(KEY))).toEqual({ key: true, size: { width: 640, height: 360 } });
    expect(parseVp8FrameHeader(bytes('500000 9d012a 8042 68c1 aabb'))).toEqual({ key: true, size: { width: 640, height: 360 } });
  });

  it('reads an inter frame', () => {
    expect(parseVp8FrameHeader(bytes('510000 aabb'))).toEqual({ key: false });
  });

  it.each([
    ['two bytes', '5000'],
    ['a key frame without its start code', '500000 9d012b 8002 6801 aabb'],
    ['a width of 0', '500000 9d012a 0000 6801 aabb'],
    ['a height of 0', '500000 9d012a 8002 0000 aabb'],
    ['a first partition past the end', '710000 aabb'],
  ])('refuses %s', (_name, hex) => {
    expect(parseVp8FrameHeader(bytes(hex))).toBeUndefined();
  });

  it('refuses a key frame at every truncation of its first partition', () => {
    const whole = bytes(KEY);
    for (let length = 0; length < whole.length - 1; length += 1) {
      expect(parseVp8FrameHeader(whole.subarray(0, length))).toBeUndefined();
    }
  });
});

it('the configuration of VP8 is a vpcC of 8 bits, 4:2:0', () => {
  expect(vp8Config({ width: 640, height: 360 })).toMatchObject({ codec: 'vp8', codecString: 'vp8', width: 640, height: 360, description: bytes('01000000 00 00 80 02 02 02 0000') });
});
