import { Counter, Gauge, type Registry } from 'prom-client';

import type { HttpPool } from './http-pool.ts';

/** Registers what only several threads have. */
export function registerPoolMetrics(registry: Registry, pool: HttpPool): void {
  new Gauge({
    name: 'millrace_http_worker_connections',
    help: 'Open connections by worker thread. Only with `httpWorkers`.',
    labelNames: ['worker'],
    registers: [registry],
    collect() {
      pool.connectionsByThread.forEach((connections, at) => this.set({ worker: String(at + 1) }, connections));
    },
  });
  counted(registry, 'millrace_http_worker_passed_on_total', 'Requests that worker threads passed on to the main thread. Only with `httpWorkers`.', () => pool.passedOn);
  counted(registry, 'millrace_http_worker_restarts_total', 'Worker threads for HTTP that had ended and were started again. Only with `httpWorkers`.', () => pool.restarts);
}

function counted(registry: Registry, name: string, help: string, value: () => number): void {
  new Counter({
    name,
    help,
    registers: [registry],
    collect() {
      this.reset();
      this.inc(value());
    },
  });
}
