import type { Registry } from 'prom-client';

import type { Bus } from '#core/bus/bus.ts';
import { createLocalBus } from '#core/bus/local/local-bus.ts';
import { connectNats, type NatsBus } from '#core/bus/nats/connect.ts';
import type { NodeId } from '#core/bus/node.ts';
import type { Logger } from '#core/runtime/log.ts';

import type { ProcessConfig } from '../config.ts';

/** The bus of this process. */
export type Joined = {
  readonly bus: Bus;
  /** The same, where it reaches other processes. */
  readonly nats: NatsBus | undefined;
};

/**
 * Joins this process with the others where NATS servers are configured; else the bus is its own.
 *
 * @throws {MillraceError} what `connectNats` throws.
 */
export async function joinBus(config: ProcessConfig, node: NodeId, { log, metrics }: { readonly log: Logger; readonly metrics: Registry }): Promise<Joined> {
  if (config.natsUrl === undefined) {
    return { bus: createLocalBus(), nats: undefined };
  }
  const { natsUrl: url, natsUser: user, natsPassword: password, natsToken: token, natsNkey: nkey, natsCreds: creds, natsTlsCa: ca, natsTlsCert: cert, natsTlsKey: key } = config;
  const tls = given({ ca, cert, key });
  const nats = await connectNats({
    url,
    node,
    log,
    metrics,
    replicas: config.natsReplicas,
    mediaLines: config.natsMediaLines,
    ...given({ user, password, token, nkey, creds }),
    ...(Object.keys(tls).length === 0 ? {} : { tls }),
  });
  return { bus: nats, nats };
}

/** The options that are set. */
function given<T extends Record<string, string | undefined>>(options: T): { readonly [K in keyof T]?: string } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as { readonly [K in keyof T]?: string };
}
