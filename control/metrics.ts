import { Counter, Gauge, type Registry } from 'prom-client';

/** What {@link controlMetrics} makes. */
export type ControlMetrics = ReturnType<typeof controlMetrics>;

/** The control stage's metrics; `read` is asked when they are collected. */
export function controlMetrics(registry: Registry, read: { readonly streams: () => Readonly<Record<'live' | 'interrupted' | 'offline', number>>; readonly listeners: () => number }) {
  const decisions = new Counter({
    name: 'millrace_control_publish_decisions_total',
    help: 'Publishers let in and refused, by result: allowed, unknown-key, malformed-key, too-many-attempts, counted where the keys are; unavailable, counted where nobody could be asked.',
    labelNames: ['result'],
    registers: [registry],
  });
  const streams = new Gauge({
    name: 'millrace_control_streams',
    help: 'Streams by state: live, interrupted, offline.',
    labelNames: ['state'],
    registers: [registry],
    collect() {
      Object.entries(read.streams()).forEach(([state, count]) => this.set({ state }, count));
    },
  });
  const listeners = new Gauge({
    name: 'millrace_control_event_connections',
    help: 'Open connections to the server-sent events of the API.',
    registers: [registry],
    collect() {
      this.set(read.listeners());
    },
  });
  return { decisions, streams, listeners };
}
