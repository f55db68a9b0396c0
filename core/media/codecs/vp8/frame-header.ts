/**
 * The uncompressed data chunk of a VP8 frame (RFC 6386, 9.1), little-endian.
 *
 *     frame_tag     24   key frame (0) 1, version 3, show_frame 1, first_part_size 19
 *     start_code    24   9d 01 2a, in key frames as what follows
 *     width         16   14 bits, scale 2
 *     height        16   14 bits, scale 2
 */

/** What a frame says of itself. */
export type Vp8FrameHeader = {
  readonly key: boolean;
  /** Pixels; in key frames only. */
  readonly size?: { readonly width: number; readonly height: number };
};

const TAG_BYTES = 3;
const KEY_HEADER_BYTES = 10;

/** Parses a frame's header; undefined where it cannot be one: truncated, without start code or size, or shorter than its first partition. */
export function parseVp8FrameHeader(frame: Uint8Array): Vp8FrameHeader | undefined {
  if (frame.length < TAG_BYTES) {
    return undefined;
  }
  const tag = frame[0]! | (frame[1]! << 8) | (frame[2]! << 16);
  const key = (tag & 1) === 0;
  const header = key ? KEY_HEADER_BYTES : TAG_BYTES;
  if (header + (tag >> 5) > frame.length) {
    return undefined;
  }
  if (!key) {
    return { key };
  }
  if (frame[3] !== 0x9d || frame[4] !== 0x01 || frame[5] !== 0x2a) {
    return undefined;
  }
  const width = (frame[6]! | (frame[7]! << 8)) & 0x3fff;
  const height = (frame[8]! | (frame[9]! << 8)) & 0x3fff;
  return width === 0 || height === 0 ? undefined : { key, size: { width, height } };
}
