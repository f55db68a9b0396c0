import { z } from 'zod';

import type { commonOptions } from '#core/runtime/config/common.ts';
import { option, type OptionValues } from '#core/runtime/config/option.ts';

import { rtmpOptions } from './rtmp/options.ts';

/** The options of ingest, those of its protocols included. */
export const ingestOptions = {
  ...rtmpOptions,
  maxPublishers: option(
    z.coerce.number().int().min(1).max(10_000).default(100),
    'Broadcasts that this server takes at a time, over all protocols. A publisher beyond them is refused and told why.',
  ),
};

/** Values of {@link ingestOptions} and of the common options. */
export type IngestConfig = OptionValues<typeof ingestOptions> & OptionValues<typeof commonOptions>;
