import { controlOptions } from '#control/config.ts';
import { commonOptions } from '#core/runtime/config/common.ts';
import { rtcOptions } from '#core/rtc/options.ts';
import type { OptionGroup, OptionTable } from '#core/runtime/config/option.ts';
import { edgeOptions } from '#edge/config.ts';
import { ingestOptions } from '#ingest/config.ts';
import { transcodeOptions } from '#transcode/config.ts';

import { processOptions } from '../config.ts';

/** Every option of `millrace up`. */
export const allOptions = { ...processOptions, ...commonOptions, ...rtcOptions, ...ingestOptions, ...transcodeOptions, ...edgeOptions, ...controlOptions };

/** The same by what they are about, in the order of help and documentation. */
export const optionGroups: readonly OptionGroup[] = [
  { title: 'General', options: commonOptions },
  { title: 'Process', options: processOptions },
  { title: 'Ingest', options: ingestOptions },
  { title: 'WebRTC', options: rtcOptions },
  { title: 'Transcode', options: transcodeOptions },
  { title: 'Edge', options: edgeOptions },
  { title: 'Control', options: controlOptions },
] satisfies readonly { title: string; options: OptionTable }[];
