import { Registry } from 'prom-client';
import { pino } from 'pino';
import { z } from 'zod';

import { createLocalBus } from '#core/bus/local/local-bus.ts';
import { commonOptions } from '#core/runtime/config/common.ts';
import { edgeOptions } from '#edge/config.ts';
import { startEdge } from '#edge/main.ts';

import { startSyntheticBroadcast } from './synthetic.ts';

/**
 * The process under load: an edge with a synthetic broadcast, on `node server.ts [<worker threads>]`. Tells its parent the port, and its CPU time, in seconds,
 * whenever it is asked.
 */
const table = { ...commonOptions, ...edgeOptions };
const defaults = z.object(Object.fromEntries(Object.entries(table).map(([key, { schema }]) => [key, schema])));
const config = defaults.parse({ host: '127.0.0.1', httpPort: 0, rewindWindow: 0, recording: false, httpWorkers: process.argv[2] ?? 0 }) as unknown as Parameters<typeof startEdge>[0]['config'];
const bus = createLocalBus();
const edge = await startEdge({ config, bus, log: pino({ level: 'warn' }), metrics: new Registry(), apps: [] });
startSyntheticBroadcast(bus);
process.on('message', () => {
  const { user, system } = process.cpuUsage();
  process.send?.({ cpuSeconds: (user + system) / 1e6, rss: process.memoryUsage.rss() });
});
process.on('disconnect', () => process.exit(0));
process.send?.({ port: edge.httpPort });
