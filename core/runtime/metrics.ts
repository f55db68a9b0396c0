import { collectDefaultMetrics, Registry } from 'prom-client';

/** What every metric's name begins with. */
export const METRIC_PREFIX = 'millrace_';

/**
 * The registry of this process, with the process's own figures: CPU, memory, event-loop delay, garbage collection, open
 * files.
 */
export function createMetrics(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: METRIC_PREFIX });
  return registry;
}
