import type { Registry } from 'prom-client';

import { millis, type Millis } from '#core/media/time.ts';
import type { GivenSockets } from '#core/runtime/listen-fds.ts';

import type { EdgeConfig } from '../config.ts';
import type { Connections } from './connections.ts';
import { writeMetrics } from './health.ts';
import { openHttp, openHttps, type OpenServer, type RequestListener } from './server.ts';

/** What listeners are opened with. */
export type ListenersOptions = {
  readonly config: Pick<EdgeConfig, 'host' | 'httpPort' | 'httpsPort' | 'metricsPort' | 'tlsCert' | 'tlsKey'>;
  readonly metrics: Registry;
  readonly connections: Connections;
  /** Bound sockets to listen on in place of the configured host and ports. */
  readonly sockets?: Pick<GivenSockets, 'http' | 'https'> | undefined;
};

/** The open ports of a process that speaks HTTP. */
export interface Listeners {
  /** Ports that are really open; undefined where not configured. */
  readonly httpPort: number;
  readonly httpsPort: number | undefined;
  readonly metricsPort: number | undefined;
  /** Takes no more connections, and gives the others so long to finish. Idempotent. */
  close(grace: Millis): Promise<void>;
}

/**
 * Opens HTTP, HTTPS where there is a certificate, and the loopback port of the metrics where it is set: all of them, or none.
 *
 * @throws {MillraceError} `edge/port-in-use`, `edge/listen`, `edge/tls`.
 */
export async function openListeners(listener: RequestListener, { config, metrics: registry, connections, sockets = {} }: ListenersOptions): Promise<Listeners> {
  const { host, tlsCert, tlsKey, metricsPort } = config;
  const opened: OpenServer[] = [];
  const keep = <T extends OpenServer>(server: T): T => {
    opened.push(server);
    return server;
  };
  const closeAll = async (grace: Millis): Promise<void> => {
    await Promise.all(opened.map((server) => server.close(grace)));
  };
  try {
    const http = keep(await openHttp(listener, connections, { host, port: config.httpPort, option: 'httpPort', fd: sockets.http }));
    const https =
      tlsCert !== undefined && tlsKey !== undefined
        ? keep(await openHttps(listener, connections, { host, port: config.httpsPort, option: 'httpsPort', fd: sockets.https }, { cert: tlsCert, key: tlsKey }))
        : undefined;
    const metrics = metricsPort === undefined ? undefined : keep(await openMetrics(registry, connections, metricsPort));
    return { httpPort: http.port, httpsPort: https?.port, metricsPort: metrics?.port, close: closeAll };
  } catch (error) {
    await closeAll(millis(0));
    throw error;
  }
}

/**
 * Opens the loopback port of the metrics.
 *
 * @throws {MillraceError} `edge/port-in-use`, `edge/listen`.
 */
export function openMetrics(registry: Registry, connections: Connections, port: number): Promise<OpenServer> {
  return openHttp((request, response) => writeMetrics(request, response, registry), connections, { host: '127.0.0.1', port, option: 'metricsPort' });
}
