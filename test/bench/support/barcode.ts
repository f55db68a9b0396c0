/**
 * The wall clock as a bar code in the picture: 32 bits of milliseconds and 8 bits of check sum, one square of luma a
 * bit, from left to right along the top edge. Survives scaling and coarse encoding; a damaged code is not read.
 */

/** Bits in a row. */
export const BARCODE_BITS = 40;
/** Height of the row as a part of the picture's height. */
export const BARCODE_HEIGHT = 1 / 15;

const BLACK = 16;
const WHITE = 235;

/** Bits of an instant, the most significant first. */
export function barcodeBits(now: number): boolean[] {
  const value = Math.floor(now) >>> 0;
  const bits = Array.from({ length: 32 }, (_, i) => ((value >>> (31 - i)) & 1) === 1);
  const check = checkSum(value);
  return [...bits, ...Array.from({ length: 8 }, (_, i) => ((check >>> (7 - i)) & 1) === 1)];
}

/** Draws an instant into a luma plane. `width` is a multiple of {@link BARCODE_BITS}. */
export function drawBarcode(luma: Uint8Array, width: number, height: number, now: number): void {
  const square = width / BARCODE_BITS;
  const rows = Math.round(height * BARCODE_HEIGHT);
  const row = new Uint8Array(width);
  barcodeBits(now).forEach((bit, i) => row.fill(bit ? WHITE : BLACK, i * square, (i + 1) * square));
  for (let y = 0; y < rows; y += 1) {
    luma.set(row, y * width);
  }
}

/** Reads bits back; undefined where the check sum is wrong. */
export function readBits(bits: readonly boolean[]): number | undefined {
  const number = (from: number, to: number): number => bits.slice(from, to).reduce((sum, bit) => sum * 2 + (bit ? 1 : 0), 0);
  const value = number(0, 32);
  return checkSum(value) === number(32, 40) ? value : undefined;
}

function checkSum(value: number): number {
  return ((value ^ (value >>> 8) ^ (value >>> 16) ^ (value >>> 24)) & 0xff) ^ 0xa5;
}
