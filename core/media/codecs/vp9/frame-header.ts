import { BitReader } from '../bit-reader.ts';
import type { VpcC } from './vpcc.ts';

/** What the uncompressed header of a frame says (VP9 Bitstream & Decoding Process Specification, 6.2), as far as it is needed. */
export type Vp9FrameHeader = {
  readonly key: boolean;
  readonly showExistingFrame: boolean;
  readonly profile: number;
  /** In key frames only. */
  readonly format?: Pick<VpcC, 'bitDepth' | 'chromaSubsampling' | 'fullRange' | 'matrixCoefficients'>;
  /** Pixels; in key frames only. */
  readonly size?: { readonly width: number; readonly height: number };
};

const SYNC_CODE = 0x498342;
const CS_RGB = 7;

/** `color_space` (7.2.2) as MatrixCoefficients of ISO/IEC 23091-4. */
const MATRIX = [2, 5, 1, 6, 7, 9, 2, 0];

/** Parses the beginning of a frame; undefined where it cannot be one. Never throws. */
export function parseVp9FrameHeader(frame: Uint8Array): Vp9FrameHeader | undefined {
  const reader = new BitReader(frame.subarray(0, 32));
  try {
    return uncompressedHeader(reader);
  } catch {
    return undefined;
  }
}

function uncompressedHeader(reader: BitReader): Vp9FrameHeader | undefined {
  if (reader.bits(2) !== 2) {
    return undefined; // frame_marker
  }
  const profile = reader.bits(1) | (reader.bits(1) << 1);
  if (profile === 3 && reader.flag()) {
    return undefined; // reserved_zero
  }
  const showExistingFrame = reader.flag();
  if (showExistingFrame) {
    reader.skip(3);
    return { key: false, showExistingFrame, profile };
  }
  const key = !reader.flag(); // frame_type
  reader.skip(2); // show_frame, error_resilient_mode
  if (!key) {
    return { key, showExistingFrame, profile };
  }
  if (reader.bits(24) !== SYNC_CODE) {
    return undefined;
  }
  const format = colorConfig(reader, profile);
  return { key, showExistingFrame, profile, format, size: { width: reader.bits(16) + 1, height: reader.bits(16) + 1 } };
}

/** 6.2.2, color_config. */
function colorConfig(reader: BitReader, profile: number): NonNullable<Vp9FrameHeader['format']> {
  const deep = profile >= 2;
  const bitDepth = !deep ? 8 : reader.flag() ? 12 : 10;
  const colorSpace = reader.bits(3);
  const matrixCoefficients = MATRIX[colorSpace] ?? 2;
  const odd = profile % 2 === 1;
  if (colorSpace === CS_RGB) {
    if (odd) {
      reader.skip(1);
    }
    return { bitDepth, chromaSubsampling: 3, fullRange: true, matrixCoefficients };
  }
  const fullRange = reader.flag();
  if (!odd) {
    return { bitDepth, chromaSubsampling: 0, fullRange, matrixCoefficients };
  }
  const subsampling = reader.bits(2);
  reader.skip(1);
  // subsampling_x and subsampling_y: 4:4:4, 4:4:0 (which vpcC cannot say), 4:2:2, 4:2:0.
  return { bitDepth, chromaSubsampling: [3, 3, 2, 0][subsampling] ?? 0, fullRange, matrixCoefficients };
}

/**
 * Joins the frames of one picture's spatial layers with a superframe index (Annex B), by which a decoder finds them.
 *
 *     frames, then: 0b110 3, bytes per size less 1 2, frames less 1 3; sizes, little-endian; the first byte again
 */
export function superframe(data: Uint8Array, sizes: readonly number[]): Uint8Array {
  if (sizes.length < 2) {
    return data.slice();
  }
  const bytes = Math.ceil((32 - Math.clz32(Math.max(...sizes))) / 8);
  const out = new Uint8Array(data.length + 2 + bytes * sizes.length);
  out.set(data);
  const marker = 0xc0 | ((bytes - 1) << 3) | (sizes.length - 1);
  let at = data.length;
  out[at] = marker;
  at += 1;
  for (const size of sizes) {
    for (let i = 0; i < bytes; i += 1, at += 1) {
      out[at] = size >>> (8 * i);
    }
  }
  out[at] = marker;
  return out;
}
