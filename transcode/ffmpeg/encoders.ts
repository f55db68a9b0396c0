import type { EncodedRung } from '../plan/encoded-rung.ts';

/** What encodes: x264, or hardware. All but x264 are experimental: their arguments await a run on such hardware. */
export const ENCODERS = ['x264', 'nvenc', 'vaapi', 'qsv', 'videotoolbox'] as const;

/** One of {@link ENCODERS}. */
export type EncoderName = (typeof ENCODERS)[number];

/** An encoder's part of ffmpeg's command line. */
export type Encoder = {
  /** ffmpeg's name of it, as `ffmpeg -encoders` prints it. */
  readonly codec: string;
  /** Options before the input: devices. */
  readonly global: readonly string[];
  /** Filters after scaling: the encoder's pixel format, and the way into its memory. */
  readonly filters: readonly string[];
  /** Options of one output. */
  output(rung: EncodedRung, settings: EncoderSettings): readonly string[];
};

/** Settings that come from the configuration and the machine. */
export type EncoderSettings = { readonly preset: string; readonly threads: number };

/** Key frames come from `-force_key_frames` alone; this is far beyond any group. */
const GOP = '9999';

/** Encoders by their name in the configuration. */
export const encoders: Readonly<Record<EncoderName, Encoder>> = {
  x264: {
    codec: 'libx264',
    global: [],
    filters: ['format=yuv420p'],
    output: (rung, { preset, threads }) => [
      ...['-preset', preset, '-tune', 'zerolatency', '-profile:v', rung.profile, '-level', level(rung), '-threads', String(threadsFor(rung, threads))],
      ...['-forced-idr', '1', '-sc_threshold', '0', '-g', GOP, '-bf', '0'],
      // 8x8dct keeps the profile High with every preset, and would lift Main and Baseline to it. zerolatency makes x264 count frames instead of reading
      // timestamps, so it must know the rate of this rung, which ffmpeg guesses from the source.
      ...['-x264-params', `8x8dct=${rung.profile === 'high' ? 1 : 0}:fps=${fraction(rung)}`],
    ],
  },
  nvenc: {
    codec: 'h264_nvenc',
    global: [],
    filters: ['format=yuv420p'],
    output: (rung) => [
      ...['-preset', 'p3', '-tune', 'ull', '-rc', 'cbr', '-profile:v', rung.profile, '-level', level(rung)],
      ...['-forced-idr', '1', '-no-scenecut', '1', '-zerolatency', '1', '-delay', '0', '-g', GOP, '-bf', '0'],
    ],
  },
  vaapi: {
    codec: 'h264_vaapi',
    global: ['-vaapi_device', '/dev/dri/renderD128'],
    filters: ['format=nv12', 'hwupload'],
    output: (rung) => ['-rc_mode', 'CBR', '-async_depth', '1', '-profile:v', rung.profile === 'baseline' ? 'constrained_baseline' : rung.profile, '-level', level(rung), '-g', GOP, '-bf', '0'],
  },
  qsv: {
    codec: 'h264_qsv',
    global: [],
    filters: ['format=nv12'],
    output: (rung) => [
      ...['-preset', 'veryfast', '-profile:v', rung.profile, '-level', level(rung), '-forced_idr', '1', '-async_depth', '1', '-look_ahead', '0'],
      ...['-g', GOP, '-bf', '0'],
    ],
  },
  videotoolbox: {
    codec: 'h264_videotoolbox',
    global: [],
    filters: ['format=yuv420p'],
    output: (rung) => ['-realtime', '1', '-profile:v', rung.profile, '-level', level(rung), '-g', GOP, '-bf', '0'],
  },
};

function level(rung: EncodedRung): string {
  return (rung.levelIdc / 10).toFixed(1);
}

/** Slices cost bits, so small pictures get few of them: one for each 180 lines. */
function threadsFor(rung: EncodedRung, threads: number): number {
  return Math.max(1, Math.min(threads, Math.round(Math.min(rung.width, rung.height) / 180)));
}

/** The rung's frame rate as a fraction of integers. */
function fraction(rung: EncodedRung): string {
  return `${90_000 * 4}/${Math.round(rung.rate.frameDuration * 4)}`;
}
