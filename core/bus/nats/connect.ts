import type { Registry } from 'prom-client';

import type { Clock } from '../../media/time.ts';
import type { Logger } from '../../runtime/log.ts';
import type { Bus, Unsubscribe } from '../bus.ts';
import type { NodeId } from '../node.ts';

/** Options of {@link connectNats}. */
export type NatsOptions = {
  /** Servers, comma-separated: `nats://a:4222,nats://b:4222`. `tls://` asks for TLS; `user:password@` or `token@` may stand before the host. */
  readonly url: string;
  readonly user?: string;
  readonly password?: string;
  readonly token?: string;
  /** File with the seed of an NKEY. */
  readonly nkey?: string;
  /** Credentials file with a JWT and its seed. */
  readonly creds?: string;
  /** Files in PEM. With any of them, connections must be TLS. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string };
  /** Servers that keep registry, leases and shared values; read when they are first made. Default 1. */
  readonly replicas?: number;
  /** Name of this process. No two that run at a time share one. */
  readonly node: NodeId;
  readonly log: Logger;
  readonly metrics?: Registry;
  readonly clock?: Clock;
};

/** A bus that reaches every process on the same NATS. Its `shared` values outlive the processes. */
export interface NatsBus extends Bus {
  /** False from the loss of the connection, or 2 s of silence, until all that is known was read again. */
  readonly connected: boolean;
  /** Calls back with every change of {@link NatsBus.connected}. */
  onConnection(listener: (connected: boolean) => void): Unsubscribe;
  /** Settles when the bus is closed. */
  readonly closed: Promise<void>;
}

/**
 * Joins the processes on NATS. Once connected it stays so by itself: a server that is lost is dialled for ever.
 *
 * @throws {MillraceError} `nats/unreachable`, `nats/unauthorized`, `nats/tls`, `nats/no-jetstream`, `nats/credentials`, each with a sentence for the operator.
 */
export function connectNats(options: NatsOptions): Promise<NatsBus> {
  return Promise.reject(new Error(`not built yet: ${options.url}`));
}
