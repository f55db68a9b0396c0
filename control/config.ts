import { z } from 'zod';

import type { CommonConfig } from '#core/runtime/config/common.ts';
import { option, type OptionValues } from '#core/runtime/config/option.ts';

/** Options of the control stage. */
export const controlOptions = {
  apiToken: option(
    z
      .string()
      // RFC 6750, 2.1: what may stand behind `Bearer`.
      .regex(/^[A-Za-z0-9._~+/-]{16,256}=*$/, 'must be 16 to 256 letters, digits and any of . _ ~ + / -')
      .optional(),
    'Token of the API, in place of the file `api-token` in the data folder. Give all processes that work together the same.',
    { secret: true },
  ),
  regionHeader: option(
    z
      .string()
      .regex(/^[A-Za-z0-9-]{1,64}$/, 'must be the name of an HTTP header')
      .transform((name) => name.toLowerCase())
      .optional(),
    'HTTP header by which a reverse proxy or CDN tells a viewer\'s region, in the words of `region`. Believed only of proxies that `trustProxy` names. A region in the query (`?region=`) comes first.',
    { example: 'X-Region' },
  ),
  publishAttemptsPerMinute: option(
    z.coerce.number().int().min(1).max(10_000).default(20),
    'Failed attempts to publish that one address may make in a minute, for each stream, before it is refused unheard for a while.',
  ),
  eventConnections: option(
    z.coerce.number().int().min(0).max(100_000).default(1_000),
    'Connections to `/api/v1/streams/<stream>/events` in all. Further ones are told to come back later.',
  ),
  eventConnectionsPerAddress: option(
    z.coerce.number().int().min(1).max(100_000).default(64),
    'Connections to `/api/v1/streams/<stream>/events` from one address. Raise it where many viewers share one address, or set `trustProxy` behind a reverse proxy.',
  ),
};

/** Values that the control stage reads. */
export type ControlConfig = CommonConfig & OptionValues<typeof controlOptions>;
