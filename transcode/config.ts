import { z } from 'zod';

import type { CommonConfig } from '#core/runtime/config/common.ts';
import { option, type OptionValues } from '#core/runtime/config/option.ts';
import { ENCODERS } from './ffmpeg/encoders.ts';
import { H264_PROFILES } from './plan/level.ts';

const PRESETS = ['ultrafast', 'superfast', 'veryfast', 'faster', 'fast', 'medium'] as const;

const WEBRTC_RENDITIONS = ['auto', 'on', 'off'] as const;

/** When to encode what only WebRTC viewers need. */
export type WebrtcRenditions = (typeof WEBRTC_RENDITIONS)[number];

/** Options of the transcoder. */
export const transcodeOptions = {
  encoder: option(
    z.enum(ENCODERS).default('x264'),
    'What encodes: `x264` (the processor), or experimental hardware: `nvenc`, `vaapi`, `qsv`, `videotoolbox`. Where that fails at once, x264 takes over.',
  ),
  x264Preset: option(
    z.enum(PRESETS).default('veryfast'),
    'Speed of x264, faster to slower. Slower looks better at the same bit rate and costs more of the machine; latency stays the same while it keeps up.',
  ),
  encoderThreads: option(z.coerce.number().int().min(0).max(64).default(0), 'Threads of each decoder and encoder; 0 takes one per processor core, at most 8.'),
  h264Profile: option(
    z.enum(H264_PROFILES).default('high'),
    'H.264 profile of encoded rungs. `high` looks best at a bit rate. Browsers that name no High profile for WebRTC (Firefox) get such rungs over LL-HLS only: `baseline` costs about a tenth more bits and gives them WebRTC. A rung that is encoded for WebRTC alone is always Constrained Baseline. No effect on latency otherwise.',
  ),
  webrtcRenditions: option(
    z.enum(WEBRTC_RENDITIONS).default('auto'),
    'Opus sound, and a top rung without B-frames where the source has them, for WebRTC viewers: `auto` from the first such viewer of a broadcast on, `on` always (the first viewer waits for nothing), `off` never. Latency of other viewers stays the same.',
  ),
  transcodeCapacity: option(
    z.coerce.number().positive().optional(),
    'Megapixels per second that this machine can encode; the ladder `auto` spends at most 60 % of it. Default: measured at the first start, and again later when the machine is calm.',
  ),
};

/** Values of {@link transcodeOptions} and the common ones. */
export type TranscodeConfig = OptionValues<typeof transcodeOptions> & CommonConfig;
