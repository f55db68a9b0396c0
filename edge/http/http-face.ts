import type { IncomingMessage } from 'node:http';
import { fileURLToPath } from 'node:url';

import type { Registry } from 'prom-client';

import { millis, systemClock, type Clock } from '#core/media/time.ts';
import type { GivenSockets } from '#core/runtime/listen-fds.ts';
import type { Logger } from '#core/runtime/log.ts';
import type { Stage } from '#core/runtime/stage.ts';

import type { EdgeConfig } from '../config.ts';
import { appRunner, type AppHandler } from './apps.ts';
import { plainAddress } from './client-address.ts';
import { Connections, SWEEP_INTERVAL } from './connections.ts';
import { dispatcher } from './dispatch.ts';
import { healthEndpoints } from './health.ts';
import { openListeners } from './listeners.ts';
import { Pages } from './pages.ts';

/** Connections have so long to finish when the process stops. */
export const CLOSE_GRACE = millis(2000);

/** What a plain HTTP face is started with. */
export type HttpFaceDeps = {
  readonly config: Pick<
    EdgeConfig,
    'host' | 'httpPort' | 'httpsPort' | 'metricsPort' | 'tlsCert' | 'tlsKey' | 'publicUrl' | 'trustProxy' | 'maxConnections' | 'maxConnectionsPerAddress' | 'playerDir'
  >;
  /** Express routers of the stages that run here. */
  readonly apps: readonly AppHandler[];
  readonly health?: {
    /** Whether the process does its work, for `/readyz`. Default: as long as it is not closed. */
    readonly ready?: () => boolean;
    /** Whether a request carries the API token; without it `/metrics` is closed on the public port. */
    readonly authorize?: (request: IncomingMessage) => boolean;
  };
  /** Whether the player's pages are served. Default: they are. */
  readonly pages?: boolean;
  /**
   * Another place for what no app here answers: the absolute URL to which a request for `path` (base path taken off, the query as it came, without `?`) is sent by 307, or
   * undefined. Preflights of such requests are answered here.
   */
  readonly redirects?: (request: IncomingMessage, path: string, query: string) => string | undefined;
  readonly log: Logger;
  readonly metrics: Registry;
  /** Bound sockets to listen on in place of the configured host and ports. */
  readonly sockets?: Pick<GivenSockets, 'http' | 'https'>;
  readonly clock?: Clock;
};

/** A process's HTTP without media: apps, pages, health, metrics. */
export interface HttpFace extends Stage {
  /** Ports that are really open; undefined where not configured. */
  readonly httpPort: number;
  readonly httpsPort: number | undefined;
  readonly metricsPort: number | undefined;
}

/**
 * Opens the HTTP of a process that serves no media: the same listeners, limits and endpoints as an edge has, the apps of its stages, and the pages.
 *
 * @throws {MillraceError} `edge/port-in-use`, `edge/listen`, `edge/tls`.
 */
export async function startHttpFace({ config, apps, health = {}, pages = true, redirects, log, metrics, sockets, clock = systemClock }: HttpFaceDeps): Promise<HttpFace> {
  const isProxied = config.trustProxy !== false;
  const connections = new Connections(config, (socket) => (isProxied ? '' : plainAddress(socket.remoteAddress)));
  let stopping = false;
  const listener = dispatcher({
    basePath: basePathOf(config.publicUrl),
    health: healthEndpoints({ clock, registry: metrics, ready: () => !stopping && (health.ready?.() ?? true), authorize: health.authorize ?? (() => false) }),
    apps: appRunner(apps, { trustProxy: config.trustProxy, log }),
    redirects,
    pages: pages ? openPages(config, redirects !== undefined) : undefined,
    log,
  });
  const listeners = await openListeners(listener, { config, metrics, connections, sockets });
  const sweeping = setInterval(() => connections.sweep(), SWEEP_INTERVAL);
  const { promise: closed, resolve: ended } = Promise.withResolvers<void>();
  let closing: Promise<void> | undefined;
  return {
    httpPort: listeners.httpPort,
    httpsPort: listeners.httpsPort,
    metricsPort: listeners.metricsPort,
    closed,
    close: () =>
      (closing ??= (async () => {
        stopping = true;
        await listeners.close(CLOSE_GRACE);
        clearInterval(sweeping);
        ended();
      })()),
  };
}

/** The player's pages as they are configured. `others`: whether there may be other edges. */
export function openPages({ playerDir }: Pick<EdgeConfig, 'playerDir'>, others: boolean): Pages {
  return new Pages(playerDir ?? fileURLToPath(new URL('../../player/dist', import.meta.url)), { others });
}

/** The path of the public URL without a slash at the end. */
export function basePathOf(publicUrl: string | undefined): string {
  return publicUrl === undefined ? '' : new URL(publicUrl).pathname.replace(/\/+$/, '');
}
