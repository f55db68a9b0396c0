import type { Registry } from 'prom-client';

import type { Clock, Millis } from '../../media/time.ts';
import type { Logger } from '../../runtime/log.ts';
import type { Bus, Unsubscribe } from '../bus.ts';
import type { NodeId } from '../node.ts';
import type { NatsCredentials } from './connection/credentials.ts';

/** Options of `connectNats`. */
export type NatsOptions = NatsCredentials & {
  /** Servers that keep registry, leases and shared values; read when they are first made. Default 1. */
  readonly replicas?: number;
  /**
   * Connections over which frames are read, each frame over all of them; the first to bring it counts. Where packets are lost on a long way to NATS, what one holds up another
   * brings. Default 1.
   */
  readonly mediaLines?: number;
  /** Name of this process. No two that run at a time share one. */
  readonly node: NodeId;
  readonly log: Logger;
  readonly metrics?: Registry;
  /** Makes fences. Default: the system's clock. */
  readonly clock?: Clock;
  /** How long an ended broadcast stays known. Default 60 s. */
  readonly forgetAfter?: Millis;
};

/** A bus that reaches every process on the same NATS. Its `shared` values outlive the processes. */
export interface NatsBus extends Bus {
  /** False from the loss of a connection, or 2 s of silence, until all that is known was read again. */
  readonly connected: boolean;
  /** Calls back with every change of {@link NatsBus.connected}. */
  onConnection(listener: (connected: boolean) => void): Unsubscribe;
  /** Settles when the bus is closed. */
  readonly closed: Promise<void>;
}
