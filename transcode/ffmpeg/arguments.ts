import ffmpeg from 'fluent-ffmpeg';

import type { Ticks } from '#core/media/time.ts';
import type { AudioConfig, TrackName } from '#core/media/track.ts';
import type { AudioEncode } from '../plan/audio.ts';
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
    // A picture of another size is scaled like the rest: filters made anew would lose a frame, and with it a group.
    .inputOptions(['-reinit_filter', '0'])
    .inputOptions(decoding(encode, settings));
  encode.rungs.forEach((rung, at) => {
    const start = input.starts.get(rung.track) ?? { from: 0 as Ticks, first: 0 as Ticks };
    command
      .output(`pipe:${FIRST_OUTPUT + at}`)
      .outputOptions(['-map', '0:v:0'])
      .videoFilters([...rungFilters(rung, encode.grouping, start.from), ...encoder.filters])
      .videoCodec(encoder.codec)
      .outputOptions(['-b:v', String(rung.bitrate), '-maxrate', String(rung.bitrate), '-bufsize', String(rung.bufsize)])
      .outputOptions([...encoder.output(rung, settings)])
      .outputOptions(['-force_key_frames', forcedKeyFrames(encode.grouping, start.first)])
      .outputOptions(['-fps_mode', 'passthrough', '-enc_time_base', '1:90000'])
      .outputOptions(nutOutput);
  });
  return (command as Described)._getArguments();
}

/** What the command line of an encoder of sound is built from. */
export type AudioCommandInput = {
  readonly encode: AudioEncode;
  /** pts of the first encoded frame. */
  readonly first: Ticks;
};

/**
 * Samples that an encoder runs ahead of its frames' pts: libopus 2.5 ms of look-ahead (`-application lowdelay`), ffmpeg's
 * AAC one frame. ffmpeg takes them off the pts that it gives out.
 */
export const ENCODER_DELAY: Readonly<Record<AudioConfig['codec'], number>> = { opus: 120, aac: 1024 };

/**
 * ffmpeg's arguments for the sound of one broadcast: NUT with the source's frames on standard input, one NUT pipe out.
 * Frames lie one after another from `first` on, to the sample: `atrim` cuts in samples of 48 kHz, after the conversion.
 */
export function audioArguments({ encode, first }: AudioCommandInput): string[] {
  const { config, bitrate } = encode;
  const begin = first + ENCODER_DELAY[config.codec];
  const command = ffmpeg({ logger: undefined })
    .input('pipe:0')
    .inputOptions(['-hide_banner', '-nostdin', '-nostats', '-loglevel', 'warning', '-copyts'])
    .inputOptions(['-f', 'nut', '-probesize', '32', '-analyzeduration', '0'])
    .output(`pipe:${FIRST_OUTPUT}`)
    .outputOptions(['-map', '0:a:0'])
    // Holes are filled with silence. By itself `async` leaves them be below 0.1 s; one lost frame of 21 ms would stay.
    .audioFilters([`aresample=${config.sampleRate}:async=1:min_hard_comp=0.01`, `atrim=start_pts=${begin}`])
    .outputOptions(['-ac', String(config.channels), '-b:a', String(bitrate)])
    .outputOptions([...audioCodec[config.codec]])
    .outputOptions(nutOutput);
  return (command as Described)._getArguments();
}

/**
 * `lowdelay` was measured against `audio` on a paced source: frames come out 4.7 ms earlier (median 15.5 ms after their
 * last sample, 20.2), and at these bit rates both use the same mode of Opus, CELT.
 */
const audioCodec: Readonly<Record<AudioConfig['codec'], readonly string[]>> = {
  opus: ['-c:a', 'libopus', '-application', 'lowdelay', '-frame_duration', '20', '-vbr', 'constrained'],
  aac: ['-c:a', 'aac'],
};

/** No syncpoints and no index: nobody seeks in a pipe, and ffmpeg would keep a growing table of them. */
const nutOutput = ['-map_metadata', '-1', '-f', 'nut', '-syncpoints', 'none', '-strict', 'experimental', '-write_index', '0', '-flush_packets', '1'];

/**
 * Slices only: frame threads hold a frame back each. Where the source has B-frames, `low_delay` would let pictures out
 * of order until the first one proves it, so the decoder is told to trust the stream's own reorder depth instead.
 */
function decoding(encode: Encode, settings: EncoderSettings): string[] {
  return ['-thread_type', 'slice', '-threads', String(settings.threads), ...(encode.input.reordered ? ['-strict', '1'] : ['-flags', 'low_delay'])];
}
