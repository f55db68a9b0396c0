import { describe, expect, it } from 'vitest';

import { opusConfig } from './config.ts';
import { opusDuration } from './packet.ts';

const bytes = (hex: string): Uint8Array => Uint8Array.fromHex(hex.replaceAll(' ', ''));

describe('opusDuration (RFC 6716, 3.1 and 3.2)', () => {
  it.each([
    ['SILK 10 ms', '00 aa', 480],
    ['SILK 60 ms', '18 aa', 2880],
    ['SILK wideband 60 ms', '58 aa', 2880],
    ['hybrid 10 ms', '60 aa', 480],
    ['hybrid 20 ms, stereo', '7c aa', 960],
    ['CELT 2.5 ms', '80 aa', 120],
    ['CELT 20 ms', 'f8 aa', 960],
    ['a frame of no bytes (discontinuous transmission)', 'f8', 960],
    ['two equal frames', 'f9 aabb', 1920],
    ['two frames', 'fa 01 aabbcc', 1920],
    ['two frames, the first of none', 'fa 00 aabbcc', 1920],
    ['two frames, the first of 252 bytes', `fa fc00 ${'aa'.repeat(252)} bb`, 1920],
    ['three equal frames', 'fb 03 aabbcc', 2880],
    ['three frames of their own lengths', 'fb 83 01 02 aa bbbb cc', 2880],
    ['a frame with padding', 'fb 41 02 aabb 0000', 960],
    ['a frame with padding of 254 and 1', `fb 41 ff01 aa ${'00'.repeat(255)}`, 960],
    ['48 frames of 2.5 ms', `83 30 ${'aa'.repeat(48)}`, 5760],
  ])('%s', (_name, hex, samples) => {
    expect(opusDuration(bytes(hex))).toBe(samples);
  });

  it.each([
    ['nothing (R1)', ''],
    ['a frame of 1,276 bytes (R2)', `f8${'aa'.repeat(1276)}`],
    ['two equal frames of an odd length (R3)', 'f9 aabbcc'],
    ['two frames, the first past the end (R4)', 'fa 03 aabb'],
    ['two frames without a length (R4)', 'fa'],
    ['two frames with half a length (R4)', 'fa fc'],
    ['no count of frames (R6)', 'fb'],
    ['a count of none (R5)', 'fb 00'],
    ['more than 120 ms (R5)', 'fb 07 aabbccddeeff00'],
    ['frames that are not equal (R6)', 'fb 02 aabbcc'],
    ['padding past the end (R6)', 'fb 41 09 aabb'],
    ['padding without its length (R6)', 'fb 41 ff'],
    ['a length past the end (R7)', 'fb 82 09 aabb'],
    ['lengths without frames (R7)', 'fb 83 01'],
  ])('refuses %s', (_name, hex) => {
    expect(opusDuration(bytes(hex))).toBeUndefined();
  });

  it('never reads past a truncation', () => {
    const whole = bytes('fb c3 02 01 02 aa bbbb cc 0000');
    expect(opusDuration(whole)).toBe(2880);
    for (let length = 0; length < whole.length; length += 1) {
      expect([undefined, 2880]).toContain(opusDuration(whole.subarray(0, length)));
    }
  });
});

describe('opusConfig', () => {
  it('is dOps of version 0 with two channels of 48 kHz', () => {
    expect(opusConfig()).toEqual({
      kind: 'audio',
      codec: 'opus',
      codecString: 'opus',
      description: bytes('00 02 0000 0000bb80 0000 00'),
      sampleRate: 48_000,
      channels: 2,
      timescale: 48_000,
      frameDuration: 960,
    });
  });
});
