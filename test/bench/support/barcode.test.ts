import { describe, expect, it } from 'vitest';

import { BARCODE_BITS, barcodeBits, drawBarcode, readBits } from './barcode.ts';

describe('the bar code', () => {
  it.each([0, 1, 255, 1_700_000_000_123, 2 ** 32 - 1])('carries %d', (now) => {
    expect(readBits(barcodeBits(now))).toBe(now % 2 ** 32);
  });

  it('is not read where a bit is wrong', () => {
    const bits = barcodeBits(1_700_000_000_123);
    bits.forEach((bit, i) => expect(readBits(bits.with(i, !bit))).toBeUndefined());
  });

  it('is drawn along the top edge', () => {
    const [width, height] = [640, 360];
    const luma = new Uint8Array(width * height);
    drawBarcode(luma, width, height, 123_456_789);
    const square = width / BARCODE_BITS;
    const bits = Array.from({ length: BARCODE_BITS }, (_, i) => (luma[12 * width + i * square + square / 2] ?? 0) > 126);
    expect(readBits(bits)).toBe(123_456_789);
    expect(luma[25 * width]).toBe(0);
  });
});
