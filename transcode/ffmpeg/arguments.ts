import ffmpeg from 'fluent-ffmpeg';

import type { Ticks } from '#core/media/time.ts';
import type { TrackName } from '#core/media/track.ts';
import type { Encode } from '../plan/plan.ts';
import { encoders, type EncoderName, type EncoderSettings } from './encoders.ts';
import { forcedKeyFrames, rungFilters } from './filters.ts';

/** Where a rung's output begins. */
export type RungStart = {
  /** Decoded frames before it are dropped before the encoder. */
  readonly from: Ticks;
  /** pts of the first frame that reaches the encoder. */
  readonly first: Ticks;
};

/** What a command line is built from. */
export type CommandInput = {
  readonly encode: Encode;
  readonly encoder: EncoderName;
  readonly settings: EncoderSettings;
  readonly starts: ReadonlyMap<TrackName, RungStart>;
};

/** Number of the first output pipe: 0 to 2 are the standard ones. */
export const FIRST_OUTPUT = 3;

/** The private method that makes fluent-ffmpeg worth having here: a described command as a list of arguments. */
type Described = ReturnType<typeof ffmpeg> & { _getArguments(): string[] };

/**
 * ffmpeg's arguments for one broadcast: NUT with the source's frames on standard input, one NUT pipe per rung out, from
 * {@link FIRST_OUTPUT} on in the order of `encode.rungs`. Timestamps pass through to the tick.
 */
export function ffmpegArguments(input: CommandInput): string[] {
  const { encode, settings } = input;
  const encoder = encoders[input.encoder];
  const command = ffmpeg({ logger: undefined })
    .input('pipe:0')
    .inputOptions(['-hide_banner', '-nostdin', '-nostats', '-loglevel', 'warning', '-copyts', ...encoder.global])
    // The NUT header tells all; without these ffmpeg waits for frames to guess from. Not `-fflags nobuffer`: it would
    // throw the first group away.
    .inputOptions(['-f', 'nut', '-probesize', '32', '-analyzeduration', '0'])
    .inputOptions(decoding(encode, settings));
  encode.rungs.forEach((rung, at) => {
    const start = input.starts.get(rung.track) ?? { from: 0 as Ticks, first: 0 as Ticks };
    command
      .output(`pipe:${FIRST_OUTPUT + at}`)
      .outputOptions(['-map', '0:v:0'])
      .videoFilters([...rungFilters(rung, encode.input, encode.grouping, start.from), ...encoder.filters])
      .videoCodec(encoder.codec)
      .outputOptions(['-b:v', String(rung.bitrate), '-maxrate', String(rung.bitrate), '-bufsize', String(rung.bufsize)])
      .outputOptions([...encoder.output(rung, settings)])
      .outputOptions(['-force_key_frames', forcedKeyFrames(encode.grouping, start.first)])
      .outputOptions(['-fps_mode', 'passthrough', '-enc_time_base', '1:90000'])
      .outputOptions(nutOutput);
  });
  return (command as Described)._getArguments();
}

/** No syncpoints and no index: nobody seeks in a pipe, and ffmpeg would keep a growing table of them. */
const nutOutput = ['-map_metadata', '-1', '-f', 'nut', '-syncpoints', 'none', '-strict', 'experimental', '-write_index', '0', '-flush_packets', '1'];

/**
 * Slices only: frame threads hold a frame back each. Where the source has B-frames, `low_delay` would let pictures out
 * of order until the first one proves it, so the decoder is told to trust the stream's own reorder depth instead.
 */
function decoding(encode: Encode, settings: EncoderSettings): string[] {
  return ['-thread_type', 'slice', '-threads', String(settings.threads), ...(encode.input.reordered ? ['-strict', '1'] : ['-flags', 'low_delay'])];
}
