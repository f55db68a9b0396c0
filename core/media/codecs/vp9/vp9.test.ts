import { describe, expect, it } from 'vitest';

import { BitWriter } from '../bit-writer.ts';
import { parseVp9FrameHeader, superframe } from './frame-header.ts';
import { buildVpcC, vp9Config, vp9Level } from './vpcc.ts';

/** The beginning of a key frame (6.2). */
function keyFrame(options: { profile?: number; twelveBit?: number; colorSpace?: number; range?: number; subsampling?: number; width?: number; height?: number; sync?: number }): Uint8Array {
  const { profile = 0, twelveBit = 0, colorSpace = 2, range = 0, subsampling = 3, width = 640, height = 360, sync = 0x498342 } = options;
  const writer = new BitWriter().bits(2, 2).bits(profile & 1, 1).bits(profile >> 1, 1);
  if (profile === 3) {
    writer.bits(0, 1);
  }
  writer.bits(0, 1).bits(0, 1).bits(1, 1).bits(0, 1).bits(sync, 24);
  if (profile >= 2) {
    writer.bits(twelveBit, 1);
  }
  writer.bits(colorSpace, 3);
  if (colorSpace !== 7) {
    writer.bits(range, 1);
    if (profile % 2 === 1) {
      writer.bits(subsampling, 2).bits(0, 1);
    }
  } else if (profile % 2 === 1) {
    writer.bits(0, 1);
  }
  return writer.bits(width - 1, 16).bits(height - 1, 16).bits(0, 8).bytes();
}

describe('parseVp9FrameHeader (VP9, 6.2)', () => {
  const size = { width: 640, height: 360 };
  it.each([
    ['profile 0', {}, { profile: 0, format: { bitDepth: 8, chromaSubsampling: 0, fullRange: false, matrixCoefficients: 1 }, size }],
    ['full range of BT.601', { colorSpace: 1, range: 1 }, { format: { bitDepth: 8, chromaSubsampling: 0, fullRange: true, matrixCoefficients: 5 }, size }],
    ['profile 1, 4:2:2', { profile: 1, subsampling: 2 }, { profile: 1, format: { bitDepth: 8, chromaSubsampling: 2, fullRange: false, matrixCoefficients: 1 }, size }],
    ['profile 1, RGB', { profile: 1, colorSpace: 7 }, { format: { bitDepth: 8, chromaSubsampling: 3, fullRange: true, matrixCoefficients: 0 }, size }],
    ['profile 2, 10 bits', { profile: 2 }, { profile: 2, format: { bitDepth: 10, chromaSubsampling: 0, fullRange: false, matrixCoefficients: 1 }, size }],
    ['profile 3, 12 bits', { profile: 3, twelveBit: 1, subsampling: 0 }, { profile: 3, format: { bitDepth: 12, chromaSubsampling: 3, fullRange: false, matrixCoefficients: 1 }, size }],
    ['the largest size', { width: 65_536, height: 65_536 }, { size: { width: 65_536, height: 65_536 } }],
  ])('reads a key frame: %s', (_name, options, expected) => {
    expect(parseVp9FrameHeader(keyFrame(options))).toMatchObject({ key: true, showExistingFrame: false, ...expected });
  });

  it('reads inter frames and frames shown again', () => {
    expect(parseVp9FrameHeader(Uint8Array.of(0x86, 0x00))).toEqual({ key: false, showExistingFrame: false, profile: 0 });
    expect(parseVp9FrameHeader(Uint8Array.of(0x8a))).toEqual({ key: false, showExistingFrame: true, profile: 0 });
  });

  it('refuses another frame marker and another sync code', () => {
    expect(parseVp9FrameHeader(Uint8Array.of(0x40, 0x00))).toBeUndefined();
    expect(parseVp9FrameHeader(keyFrame({ sync: 0x498343 }))).toBeUndefined();
  });

  it('refuses a key frame at every truncation of its header', () => {
    const whole = keyFrame({});
    for (let length = 0; length < whole.length - 1; length += 1) {
      expect(parseVp9FrameHeader(whole.subarray(0, length))).toBeUndefined();
    }
  });
});

describe('superframe (VP9, Annex B)', () => {
  it('adds an index in which a decoder finds the frames', () => {
    expect(superframe(new Uint8Array(3).fill(0xaa), [1, 2]).toHex()).toBe('aaaaaa' + 'c1' + '01' + '02' + 'c1');
    expect(superframe(new Uint8Array(0x103).fill(0xaa), [3, 0x100]).subarray(0x103).toHex()).toBe('c9' + '0300' + '0001' + 'c9');
  });

  it('leaves a single frame as it is', () => {
    expect(superframe(Uint8Array.of(1, 2), [2]).toHex()).toBe('0102');
  });
});

describe('vpcC (VP Codec ISO Media File Format Binding)', () => {
  it('is a full box of version 1', () => {
    const vpcC = { profile: 2, level: 31, bitDepth: 10, chromaSubsampling: 1, fullRange: true, colourPrimaries: 9, transferCharacteristics: 16, matrixCoefficients: 9 } as const;
    expect(buildVpcC(vpcC).toHex()).toBe('01000000' + '02' + '1f' + 'a3' + '09' + '10' + '09' + '0000');
    expect(vp9Config(vpcC, { width: 1280, height: 720 })).toMatchObject({ codec: 'vp9', codecString: 'vp09.02.31.10', width: 1280, height: 720, timescale: 90_000 });
  });

  it.each([
    [256, 144, 11],
    [640, 360, 21],
    [1280, 720, 31],
    [1920, 1080, 40],
    [3840, 2160, 50],
    [65_536, 65_536, 62],
  ])('takes %ix%i at 30 frames a second for level %i', (width, height, level) => {
    expect(vp9Level(width, height)).toBe(level);
  });
});
