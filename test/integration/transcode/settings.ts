import { pino } from 'pino';

import { commonOptions } from '#core/runtime/config/common.ts';
import { transcodeOptions, type TranscodeConfig } from '#transcode/config.ts';

/** Silent but where `LOG` names a level. */
export const testLog = pino({ level: process.env['LOG'] ?? 'silent' });

/** The options' defaults, with some changed. */
export async function transcodeConfig(changed: Partial<TranscodeConfig>): Promise<TranscodeConfig> {
  const entries = Object.entries({ ...commonOptions, ...transcodeOptions }).map(async ([key, { schema }]) => [key, await schema.parseAsync(undefined)] as const);
  return { ...(Object.fromEntries(await Promise.all(entries)) as TranscodeConfig), ...changed };
}
