import { z } from 'zod';

import { portSchema } from '../runtime/config/common.ts';
import type { CommonConfig } from '../runtime/config/common.ts';
import { option, type OptionValues } from '../runtime/config/option.ts';

const count = z.coerce.number().int().positive();

/** Options of the WebRTC transport. */
export const rtcOptions = {
  webrtcPort: option(portSchema.default(8189), 'UDP port for all WebRTC media, in and out; the same port is opened over TCP for networks that block UDP.'),
  maxRtcSessions: option(count.default(4000), 'WebRTC sessions in all, publishers and viewers, those still connecting included; with `egressWorkers` those of each thread.'),
  rtcFastPath: option(
    z.enum(['auto', 'off']).default('auto'),
    'Encrypts with OpenSSL directly and sends a frame in one system call, where the system can (Linux). `off`: portable code only.',
  ),
};

/** What the transport reads of the configuration. */
export type RtcConfig = OptionValues<typeof rtcOptions> & Pick<CommonConfig, 'host' | 'publicUrl' | 'publicHost' | 'dataDir'>;
