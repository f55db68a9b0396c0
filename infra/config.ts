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
    'NATS servers that join processes on several machines, comma-separated. Without it every stage runs in one process and nothing leaves it.',
    { secret: true, example: 'nats://localhost:4222' },
  ),
  natsUser: option(z.string().optional(), 'User at the NATS servers, with `natsPassword`.'),
  natsPassword: option(z.string().optional(), 'Password at the NATS servers.', { secret: true }),
  natsToken: option(z.string().optional(), 'Token at the NATS servers, in place of user and password.', { secret: true }),
  natsNkey: option(z.string().optional(), 'File with the seed of an NKEY (`SU...`), in place of user and password.'),
  natsCreds: option(z.string().optional(), 'Credentials file with a JWT and its seed, as `nsc` writes it, in place of user and password.'),
  natsTlsCa: option(z.string().optional(), 'File with the certificates that NATS servers are checked by. With it, or with an address `tls://...`, connections must be TLS.'),
  natsTlsCert: option(z.string().optional(), 'File with the certificate by which this process shows who it is, with `natsTlsKey`.'),
  natsTlsKey: option(z.string().optional(), 'File with the key of `natsTlsCert`.'),
  natsReplicas: option(
    z.coerce.number().int().min(1).max(5).default(1),
    'NATS servers that keep registry, leases and ledger: 3 where the cluster has three, so that one may be lost. Read when they are first made.',
  ),
  natsMediaLines: option(
    z.coerce.number().int().min(1).max(4).default(1),
    'Connections to NATS over which media is read, each frame over all of them. More than one where this process is far from its NATS server and packets are lost on the way: what one connection holds up another brings. Media crosses the way as often. Questions to other processes go over the first alone.',
  ),
  nodeName: option(
    z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'must be small letters, digits and dashes').optional(),
    'Name of this process among those on NATS; no two that run at a time may share one. Default: the host\'s name and a random end.',
  ),
  region: option(
    z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, 'must be letters, digits, dots and dashes').optional(),
    'Where this process stands, in words of your own (`eu-west`). Viewers who name a region are sent to edges of the same.',
  ),
  archive: option(
    z.enum(['auto', 'on', 'off']).default('auto'),
    'Whether this process keeps broadcasts on disk, for rewind and recordings as they are set: `auto` where every stage runs in one process, not in a `millrace edge`. An edge with `on` reads every rendition of the broadcasts that it keeps; viewers at other edges are sent to it when they go back.',
  ),
  drainSeconds: option(
    z.coerce.number().min(0).max(3600).default(30),
    'Seconds that an edge told to stop waits for its viewers to move to another, where there is one; a transcoder waits as long for others to take its work. 0: ends at once.',
  ),
};

/** Values of {@link processOptions}. */
export type ProcessConfig = OptionValues<typeof processOptions>;
