import { z } from 'zod';

import { switchSchema } from '#core/runtime/config/common.ts';
import { option, type OptionValues } from '#core/runtime/config/option.ts';
import { LOG_LEVELS } from '#core/runtime/log.ts';

/** Options of the process that runs the stages. */
export const processOptions = {
  logLevel: option(z.enum(LOG_LEVELS).default('info'), 'Least severe lines of the log that are written.'),
  logFormat: option(
    z.enum(['auto', 'pretty', 'json']).default('auto'),
    'How lines of the log look: `pretty` for people, `json` for machines, `auto` by whether standard error is a terminal.',
  ),
  demo: option(
    switchSchema.default(true),
    'Whether a test card with a clock and a tone is broadcast as stream `demo` while no stream key is configured. Any configured key ends it.',
  ),
  natsUrl: option(
    z.string().optional(),
    'NATS servers that join stages on several machines. Not available yet: `millrace up` runs every stage in one process.',
    { secret: true, example: 'nats://localhost:4222' },
  ),
};

/** Values of {@link processOptions}. */
export type ProcessConfig = OptionValues<typeof processOptions>;
