import type { Ticks } from '../../time.ts';

/**
 * The table-of-contents byte of an Opus packet (RFC 6716, 3.1).
 *
 *      0 1 2 3 4 5 6 7
 *     +-+-+-+-+-+-+-+-+
 *     | config  |s| c |
 *     +-+-+-+-+-+-+-+-+
 */

/** Samples at 48 kHz of one packet at most: 120 ms (RFC 6716, 3.2.5, R5). */
const MAX_PACKET_SAMPLES = 5760;

/** Bytes of one compressed frame at most (RFC 6716, 3.4, R2). */
const MAX_FRAME_BYTES = 1275;

/** Samples at 48 kHz of each of the 32 configurations (RFC 6716, table 2). */
const SILK = [480, 960, 1920, 2880];
const HYBRID = [480, 960];
const CELT = [120, 240, 480, 960];
const FRAME_SAMPLES = [SILK, SILK, SILK, HYBRID, HYBRID, CELT, CELT, CELT, CELT].flat();

/**
 * How long an Opus packet sounds, in samples at 48 kHz, whatever the encoder's own rate; undefined where the packet breaks one of the
 * rules of RFC 6716, 3.4, which a decoder refuses.
 */
export function opusDuration(packet: Uint8Array): Ticks | undefined {
  const toc = packet[0];
  if (toc === undefined) {
    return undefined;
  }
  const frame = FRAME_SAMPLES[toc >> 3]!;
  const rest = packet.length - 1;
  switch (toc & 3) {
    case 0:
      return rest <= MAX_FRAME_BYTES ? (frame as Ticks) : undefined;
    case 1:
      return rest % 2 === 0 && rest / 2 <= MAX_FRAME_BYTES ? ((2 * frame) as Ticks) : undefined;
    case 2:
      return twoFrames(packet) ? ((2 * frame) as Ticks) : undefined;
    default: {
      const count = manyFrames(packet);
      return count > 0 && count * frame <= MAX_PACKET_SAMPLES ? ((count * frame) as Ticks) : undefined;
    }
  }
}

/** Code 2 (3.2.4): the first frame's length, both frames. */
function twoFrames(packet: Uint8Array): boolean {
  const { length, size } = frameLength(packet, 1, packet.length);
  const second = packet.length - 1 - size - length;
  return size > 0 && second >= 0 && second <= MAX_FRAME_BYTES;
}

/**
 * Code 3 (3.2.5): flags and count, padding lengths, frame lengths where they differ, frames, padding. Returns the number of frames; 0 where the
 * packet is malformed.
 *
 *      0 1 2 3 4 5 6 7
 *     |v|p|     M     |
 */
function manyFrames(packet: Uint8Array): number {
  const flags = packet[1] ?? 0;
  const count = flags & 0x3f;
  let at = 2;
  let end = packet.length;
  if ((flags & 0x40) !== 0) {
    let value: number;
    do {
      value = packet[at] ?? -1;
      // 255 stands for 254 bytes of padding and another length behind it.
      end -= value === 255 ? 254 : value;
      at += 1;
    } while (value === 255);
    if (value < 0) {
      return 0;
    }
  }
  if (at > end || count === 0) {
    return 0;
  }
  if ((flags & 0x80) === 0) {
    return (end - at) % count === 0 && (end - at) / count <= MAX_FRAME_BYTES ? count : 0;
  }
  let frames = 0;
  for (let i = 0; i < count - 1; i += 1) {
    const { length, size } = frameLength(packet, at, end);
    if (size === 0) {
      return 0;
    }
    at += size;
    frames += length;
  }
  const last = end - at - frames;
  return last >= 0 && last <= MAX_FRAME_BYTES ? count : 0;
}

/** 3.2.1: 0 to 251 in one byte, above it the second byte times four and the first. `size` 0: past the end. */
function frameLength(packet: Uint8Array, at: number, end: number): { readonly length: number; readonly size: number } {
  if (at >= end) {
    return { length: 0, size: 0 };
  }
  const first = packet[at]!;
  if (first < 252) {
    return { length: first, size: 1 };
  }
  return at + 1 < end ? { length: 4 * packet[at + 1]! + first, size: 2 } : { length: 0, size: 0 };
}
