import { Counter, Gauge, type Registry } from 'prom-client';

import type { EgressPool } from './egress-pool.ts';

/** Registers what only several threads have. */
export function registerPoolMetrics(registry: Registry, pool: EgressPool): void {
  new Gauge({
    name: 'millrace_whep_worker_viewers',
    help: 'WebRTC viewers by worker thread, those that are still connecting included. Only with `egressWorkers`.',
    labelNames: ['worker'],
    registers: [registry],
    collect() {
      pool.viewersByThread.forEach((viewers, at) => this.set({ worker: String(at + 1) }, viewers));
    },
  });
  new Counter({
    name: 'millrace_whep_worker_restarts_total',
    help: 'Worker threads that had ended and were started again.',
    registers: [registry],
    collect() {
      this.reset();
      this.inc(pool.restarts);
    },
  });
}
