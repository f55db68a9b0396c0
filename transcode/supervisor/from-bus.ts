import { nutFrameHeader, nutHeader } from '#core/media/containers/nut/muxer.ts';
import type { Frame } from '#core/media/frame.ts';
import type { AudioConfig, VideoConfig } from '#core/media/track.ts';
import type { Encode } from '../plan/plan.ts';

/** Reordered frames that the decoder must be ready to hold; what the stream itself says counts more. */
const DECODE_DELAY = 2;

const FOURCC: Readonly<Record<VideoConfig['codec'], string>> = { h264: 'H264', hevc: 'HEVC', vp8: 'VP80', vp9: 'VP90', av1: 'AV01' };

/** What ffmpeg reads before the first frame of an encode. */
export function nutHeaderOf(encode: Encode): Uint8Array {
  const { input } = encode;
  return nutHeader([
    {
      kind: 'video',
      fourcc: FOURCC[input.codec],
      // Key frames of the others carry all that a decoder needs, and their MP4 records are not what decoders take.
      description: input.codec === 'h264' || input.codec === 'hevc' ? input.description : new Uint8Array(),
      timescale: input.timescale,
      width: input.width,
      height: input.height,
      decodeDelay: input.reordered ? DECODE_DELAY : 0,
      frameRate: [Math.round(encode.frameRate * 1000), 1000],
    },
  ]);
}

/** What ffmpeg reads before the first frame of a source's sound. */
export function nutHeaderOfAudio({ codec, description, timescale, sampleRate, channels }: AudioConfig): Uint8Array {
  const stream = { kind: 'audio', timescale, sampleRate, channels } as const;
  // `mp` is 0x706D, one of the two-character codes that NUT takes over from WAV: AAC. It knows no `mp4a`.
  return nutHeader([codec === 'aac' ? { ...stream, fourcc: 'mp', description } : { ...stream, fourcc: 'Opus', description: opusHead(channels) }]);
}

/**
 * OpusHead (RFC 7845, 5.1): version 8, channel count 8, pre-skip 16, input sample rate 32, output gain 16, channel
 * mapping family 8, little-endian. Pre-skip is 0: a live source has no beginning whose samples could be thrown away.
 */
function opusHead(channels: number): Uint8Array {
  const head = new Uint8Array(19);
  head.set(new TextEncoder().encode('OpusHead'));
  head[8] = 1;
  head[9] = channels;
  new DataView(head.buffer).setUint32(12, 48_000, true);
  return head;
}

/**
 * A source frame as ffmpeg reads it: NUT with the bus's own pts; a picture's NAL units with 4-byte lengths.
 *
 * @param before goes before the access unit: parameter sets that are not those of the header.
 */
export function nutFrameOf(frame: Frame, before?: Uint8Array): readonly Uint8Array[] {
  const size = frame.data.byteLength + (before?.byteLength ?? 0);
  const header = nutFrameHeader({ stream: 0, pts: frame.pts, key: frame.key, size });
  return before === undefined ? [header, frame.data] : [header, before, frame.data];
}
