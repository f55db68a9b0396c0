import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** The connections of a process that must be there; spare lines for media are not among them. */
export type ConnectionName = 'control' | 'media';

/** Figures of the link; none where there is no registry. */
export type NatsMetrics = {
  readonly connected: (name: ConnectionName, isConnected: boolean) => void;
  readonly reconnected: (name: ConnectionName) => void;
  readonly roundTrip: (name: ConnectionName, seconds: number) => void;
};

/** Makes the figures; `waiting` is asked when they are read. */
export function createNatsMetrics(registry: Registry | undefined, waiting: () => number): NatsMetrics {
  if (registry === undefined) {
    return { connected: () => undefined, reconnected: () => undefined, roundTrip: () => undefined };
  }
  const registers = [registry];
  const labelNames = ['connection'] as const;
  const connected = new Gauge({ name: 'millrace_nats_connected', help: 'Whether the connection to NATS is there (1) or lost (0).', labelNames, registers });
  const reconnects = new Counter({ name: 'millrace_nats_reconnects_total', help: 'How often the connection to NATS came back.', labelNames, registers });
  const roundTrip = new Histogram({
    name: 'millrace_nats_round_trip_seconds',
    help: 'How long the NATS server takes to answer, asked twice a second.',
    labelNames,
    buckets: [0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2],
    registers,
  });
  new Gauge({
    name: 'millrace_nats_writes_waiting',
    help: 'Announcements, catalog sections and facts of this process that wait to be written to NATS.',
    registers,
    collect() {
      this.set(waiting());
    },
  });
  for (const connection of ['control', 'media'] as const) {
    reconnects.inc({ connection }, 0);
  }
  return {
    connected: (connection, isConnected) => connected.set({ connection }, isConnected ? 1 : 0),
    reconnected: (connection) => reconnects.inc({ connection }),
    roundTrip: (connection, seconds) => roundTrip.observe({ connection }, seconds),
  };
}
