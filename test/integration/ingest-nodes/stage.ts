import { Registry } from 'prom-client';

import type { Bus } from '#core/bus/bus.ts';
import { commonOptions } from '#core/runtime/config/common.ts';
import { createLog, type Logger } from '#core/runtime/log.ts';
import { ingestOptions, type IngestConfig } from '#ingest/config.ts';
import { startIngest, type IngestStage } from '#ingest/main.ts';

/** The stream that {@link KEY} is of. Whatever key comes, it is taken for this. */
export const STREAM = 'show';

/** What publishers send. */
export const KEY = `${STREAM}_0123456789abcdef`;

/** Starts an ingest on a port of its own. */
export async function startStage(bus: Bus, node: string, dataDir: string, log: Logger = createLog({ level: 'silent' }).log): Promise<IngestStage> {
  const policy = { decide: () => Promise.resolve({ allowed: true, stream: STREAM } as const) };
  const config = { ...(await defaults()), host: '127.0.0.1', rtmpPort: 0, dataDir };
  return startIngest({ config, bus, node, policy, log, metrics: new Registry() });
}

async function defaults(): Promise<IngestConfig> {
  const entries = Object.entries({ ...commonOptions, ...ingestOptions }).map(async ([name, { schema }]) => [name, await schema.parseAsync(undefined)] as const);
  return Object.fromEntries(await Promise.all(entries)) as IngestConfig;
}
