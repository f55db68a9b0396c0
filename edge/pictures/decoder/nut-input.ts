import { parseAvcC } from '#core/media/codecs/h264/avcc.ts';
import { joinLengthPrefixed, splitLengthPrefixed } from '#core/media/codecs/h264/nal-unit.ts';
import { nutFrameHeader, nutHeader } from '#core/media/containers/nut/muxer.ts';
import { ticks, timescale } from '#core/media/time.ts';

import type { KeyFrame } from '../key-frame.ts';

/**
 * Key frames as ffmpeg is fed with them: a NUT stream in which frame n is shown at second n. The container tells their places, so that one that cannot be decoded
 * leaves a hole there and does not move those behind it. Each carries its parameter sets: they may be of several configurations.
 *
 * @param frames - Undefined for a place without a frame.
 * @throws {MillraceError} `media/malformed`, `media/truncated` where a frame or its configuration cannot be taken apart.
 */
export function nutInput(frames: readonly (KeyFrame | undefined)[]): Uint8Array[] {
  const first = frames.find((frame) => frame !== undefined);
  if (first === undefined) {
    return [];
  }
  const { description, width, height } = first.config;
  const out = [nutHeader([{ kind: 'video', fourcc: 'H264', description, timescale: timescale(1), width, height, decodeDelay: 0 }])];
  frames.forEach((frame, second) => {
    if (frame !== undefined) {
      const { sps, pps } = parseAvcC(frame.config.description);
      const data = joinLengthPrefixed([...sps, ...pps, ...splitLengthPrefixed(frame.data)]);
      out.push(nutFrameHeader({ stream: 0, pts: ticks(second), key: true, size: data.length }), data);
    }
  });
  return out;
}
