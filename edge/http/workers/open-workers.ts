import { randomBytes } from 'node:crypto';

import type { Registry } from 'prom-client';

import type { Bus } from '#core/bus/bus.ts';
import type { StreamName } from '#core/bus/catalog.ts';
import type { NodeId } from '#core/bus/node.ts';
import { millis, type Clock } from '#core/media/time.ts';
import type { Logger } from '#core/runtime/log.ts';

import type { Audience } from '../../audience/audience.ts';
import type { EdgeConfig } from '../../config.ts';
import { Connections } from '../connections.ts';
import { openMetrics, type Listeners, type ListenersOptions } from '../listeners.ts';
import type { EdgeMetrics } from '../metrics.ts';
import { openHttp, type OpenServer, type RequestListener } from '../server.ts';
import { HttpPool } from './http-pool.ts';
import type { Spawn } from './http-thread.ts';
import { openInnerServer } from './inner-server.ts';
import type { SharedPort, WorkerLimits, WorkerState } from './messages.ts';
import { registerPoolMetrics } from './pool-metrics.ts';

/** What workers are opened with. */
export type HttpWorkersOptions = {
  readonly config: EdgeConfig;
  readonly basePath: string;
  readonly bus: Bus;
  readonly audience: Audience;
  readonly metrics: EdgeMetrics;
  readonly registry: Registry;
  /** Of the metrics' own port; those of viewers are in the workers. */
  readonly connections: Connections;
  readonly sockets?: ListenersOptions['sockets'];
  readonly knownStreams: () => readonly StreamName[];
  readonly isDraining: () => boolean;
  /** This process among others; undefined where it is the only one. */
  readonly place: { readonly node: NodeId | undefined; readonly region: string | undefined } | undefined;
  readonly log: Logger;
  readonly clock: Clock;
  /** Starts a thread, in tests. */
  readonly spawn?: Spawn | undefined;
};

/** HTTP on worker threads (ADR 0017): live media there, everything else here. */
export interface HttpWorkers extends Listeners {
  /** Of all threads. */
  readonly connections: number;
  readonly waiting: number;
  /** How busy each thread is, 0 to 1. */
  readonly loads: readonly number[];
  /** Tells the threads what has changed here. Call it about once a second, and when it matters. */
  tell(): void;
  /** Has nobody wait any more. */
  stop(): void;
}

/** Requests of one connection that wait at a time, as without workers. */
const MAX_WAITING_PER_CONNECTION = 64;

/**
 * Opens HTTP, and HTTPS where there is a certificate, on worker threads; `listener` answers what they do not. All of it, or nothing.
 *
 * @throws {MillraceError} `edge/port-in-use`, `edge/listen`, `edge/tls`.
 */
export async function openHttpWorkers(listener: RequestListener, options: HttpWorkersOptions): Promise<HttpWorkers> {
  const { config, basePath, bus, registry, connections, sockets = {}, place, log, clock, metrics, audience, spawn } = options;
  const { host, tlsCert: cert, tlsKey: key, metricsPort } = config;
  const state = (): WorkerState => ({ knownStreams: options.knownStreams(), isDraining: options.isDraining() });
  const http = await portOf(config.httpPort, sockets.http, 'httpPort', host);
  const https = cert !== undefined && key !== undefined ? { ...(await portOf(config.httpsPort, sockets.https, 'httpsPort', host)), cert, key, ticketKeys: randomBytes(48) } : undefined;
  const inner = await openInnerServer(listener);
  const pool = new HttpPool({
    size: config.httpWorkers, bus, metrics, audience, clock, log, spawn,
    data: { inner: inner.door, host, http, https, basePath, place, limits: shareOf(config), config: settingsOf(config) },
    state: state(),
  });
  let metricsServer: OpenServer | undefined;
  const close = async (grace = millis(0)): Promise<void> => {
    await pool.close(grace);
    await Promise.all([inner.close(), metricsServer?.close(grace)]);
  };
  try {
    const ports = await pool.listening();
    metricsServer = metricsPort === undefined ? undefined : await openMetrics(registry, connections, metricsPort);
    registerPoolMetrics(registry, pool);
    return {
      httpPort: ports?.httpPort ?? http.port,
      httpsPort: ports?.httpsPort,
      metricsPort: metricsServer?.port,
      get connections() {
        return pool.connectionsByThread.reduce((sum, count) => sum + count, 0);
      },
      get waiting() {
        return pool.waiting;
      },
      get loads() {
        return pool.loads;
      },
      tell: () => pool.know(state()),
      stop: () => pool.stop(),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Looks whether nobody listens on a port, which threads that share it cannot tell: another server that shares it too would take its part of the viewers. */
async function portOf(port: number, fd: number | undefined, option: string, host: string): Promise<SharedPort> {
  if (fd !== undefined) {
    return { port, fd };
  }
  const probe = await openHttp(() => undefined, new Connections({ maxConnections: 0, maxConnectionsPerAddress: 0 }, () => ''), { host, port, option });
  await probe.close(millis(0));
  return { port: probe.port };
}

function settingsOf({ liveWindow, windowMegabytes, partHoldBack, maxFollowedTracks, trustProxy }: EdgeConfig): Pick<EdgeConfig, 'liveWindow' | 'windowMegabytes' | 'partHoldBack' | 'maxFollowedTracks' | 'trustProxy'> {
  return { liveWindow, windowMegabytes, partHoldBack, maxFollowedTracks, trustProxy };
}

/** The limits are those of the process; connections come to each thread alike. */
function shareOf({ httpWorkers, maxConnections, maxConnectionsPerAddress, maxWaitingRequests, maxWaitingRequestsPerAddress }: EdgeConfig): WorkerLimits {
  const share = (limit: number): number => Math.ceil(limit / httpWorkers);
  return {
    connections: { maxConnections: share(maxConnections), maxConnectionsPerAddress: share(maxConnectionsPerAddress) },
    waiting: { maxWaiting: share(maxWaitingRequests), maxWaitingPerAddress: share(maxWaitingRequestsPerAddress), maxWaitingPerConnection: MAX_WAITING_PER_CONNECTION },
    passedOn: share(maxConnections),
  };
}
