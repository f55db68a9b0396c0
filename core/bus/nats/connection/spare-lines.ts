import type { NatsConnection } from '@nats-io/transport-node';

import type { Logger } from '../../../runtime/log.ts';
import { ConnectionMonitor } from './monitor.ts';

/** Connections over which frames are read besides the media connection. Each dials again by itself when it is lost, or silent; nobody waits for one. */
export class SpareLines {
  readonly connections: readonly NatsConnection[];
  readonly #monitors: readonly ConnectionMonitor[];

  constructor(connections: readonly NatsConnection[], log: Logger) {
    this.connections = connections;
    this.#monitors = connections.map(
      (connection, at) =>
        new ConnectionMonitor(connection, {
          up: () => log.info({ line: at + 2 }, 'a spare line to NATS is there again'),
          down: (reason) => log.info({ line: at + 2, reason }, 'a spare line to NATS is lost; media is read over the others'),
        }),
    );
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.#monitors.forEach((monitor) => monitor.close());
    await Promise.all(this.connections.map((connection) => connection.close()));
  }
}
