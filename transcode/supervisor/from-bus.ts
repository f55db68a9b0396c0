import { nutFrameHeader, nutHeader } from '#core/media/containers/nut/muxer.ts';
import type { Frame } from '#core/media/frame.ts';
import type { Encode } from '../plan/plan.ts';

/** Reordered frames that the decoder must be ready to hold; what the stream itself says counts more. */
const DECODE_DELAY = 2;

/** What ffmpeg reads before the first frame of an encode. */
export function nutHeaderOf(encode: Encode): Uint8Array {
  const { input } = encode;
  return nutHeader([
    {
      kind: 'video',
      fourcc: 'H264',
      description: input.description,
      timescale: input.timescale,
      width: input.width,
      height: input.height,
      decodeDelay: input.reordered ? DECODE_DELAY : 0,
      frameRate: [Math.round(encode.frameRate * 1000), 1000],
    },
  ]);
}

/** A source frame as ffmpeg reads it: NUT with the bus's own pts, NAL units with 4-byte lengths. */
export function nutFrameOf(frame: Frame): readonly Uint8Array[] {
  return [nutFrameHeader({ stream: 0, pts: frame.pts, key: frame.key, size: frame.data.byteLength }), frame.data];
}
