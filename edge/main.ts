import { fileURLToPath } from 'node:url';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Registry } from 'prom-client';

import { parseStreamKey } from '#core/access/stream-key.ts';
import type { Bus } from '#core/bus/bus.ts';
import type { StreamName } from '#core/bus/catalog.ts';
import { millis, systemClock, type Clock } from '#core/media/time.ts';
import type { GivenSockets } from '#core/runtime/listen-fds.ts';
import type { Logger } from '#core/runtime/log.ts';
import type { Stage } from '#core/runtime/stage.ts';
import type { RtcTransport } from '#core/rtc/transport.ts';

import { openArchive } from './archive/open-archive.ts';
import { Audience } from './audience/audience.ts';
import { AudienceReport } from './audience/report.ts';
import type { EdgeConfig } from './config.ts';
import { followBus } from './from-bus.ts';
import { appRunner, type AppHandler } from './http/apps.ts';
import { addressReader, plainAddress } from './http/client-address.ts';
import { Connections, SWEEP_INTERVAL } from './http/connections.ts';
import { dispatcher } from './http/dispatch.ts';
import { healthEndpoints, writeMetrics } from './http/health.ts';
import { unsentBytes } from './http/kept-answers.ts';
import { MediaHandler } from './http/media-handler.ts';
import { EdgeMetrics } from './http/metrics.ts';
import { Pages } from './http/pages.ts';
import { openHttp, openHttps, type OpenServer } from './http/server.ts';
import { WaitingRoom } from './http/waiting-room.ts';
import { Directory } from './llhls/directory.ts';
import { Pictures } from './pictures/pictures.ts';
import { startRecordings } from './recordings/start.ts';
import { startWhep } from './whep/start.ts';

/** What the edge is started with. */
export type EdgeDeps = {
  readonly config: EdgeConfig;
  readonly bus: Bus;
  readonly log: Logger;
  readonly metrics: Registry;
  /** The WebRTC port. Without it there is no WHEP: its paths answer 404. */
  readonly rtc?: RtcTransport;
  /** Express routers of other stages, served behind the media. */
  readonly apps: readonly AppHandler[];
  /** Streams that exist besides the configured ones and those seen on the bus: the demo's. */
  readonly knownStreams?: () => readonly StreamName[];
  /** Streams that are never recorded, whatever the setting: the demo's. */
  readonly neverRecorded?: readonly StreamName[];
  /** Whether a request carries the API token; without it `/metrics` is closed on the public port. */
  readonly authorize?: (request: IncomingMessage) => boolean;
  /** Whether the rest of the server is ready, for `/readyz`. */
  readonly ready?: () => boolean;
  /** Bound sockets to listen on in place of the configured host and ports. */
  readonly sockets?: Pick<GivenSockets, 'http' | 'https'>;
  readonly clock?: Clock;
};

/** The running edge. */
export interface EdgeStage extends Stage {
  /** Ports that are really open; undefined where not configured. */
  readonly httpPort: number;
  readonly httpsPort: number | undefined;
  readonly metricsPort: number | undefined;
}

/** How often waiting requests are looked over for time-outs: a tenth of what hls.js grants beyond our 6 s. */
const EXPIRY_INTERVAL = millis(250);

/** Connections have so long to finish when the edge stops. */
const CLOSE_GRACE = millis(2000);

/**
 * Starts the edge: packages every rendition on the bus and serves it, with the player's pages and the routers of other
 * stages.
 *
 * @throws {MillraceError} `edge/port-in-use`, `edge/listen`, `edge/tls`.
 */
export async function startEdge(deps: EdgeDeps): Promise<EdgeStage> {
  const { config, bus, log, metrics: registry, clock = systemClock } = deps;
  const configured = [...config.streams.map(({ key }) => key), ...config.streamKeys].flatMap((key) => parseStreamKey(key)?.stream ?? []);
  const directory = new Directory({
    clock,
    listed: millis(config.liveWindow * 1000),
    maxBytesPerTrack: config.windowMegabytes * 1024 * 1024,
    partHoldBack: config.partHoldBack,
    knownStreams: () => [...configured, ...(deps.knownStreams?.() ?? [])],
  });
  const archive = await openArchive({ config, log, metrics: registry, bus, clock, neverRecorded: deps.neverRecorded ?? [] });
  const audience = new Audience();
  const waitingRoom = new WaitingRoom({
    maxWaiting: config.maxWaitingRequests,
    maxWaitingPerAddress: config.maxWaitingRequestsPerAddress,
    maxWaitingPerConnection: 64,
  });
  const isProxied = config.trustProxy !== false;
  const connections = new Connections(config, (socket) => (isProxied ? '' : plainAddress(socket.remoteAddress)));
  const metrics = new EdgeMetrics(registry, {
    viewers: () => audience.totals(),
    waiting: () => waitingRoom.count,
    connections: () => connections.count,
  });
  const readAddress = addressReader(config.trustProxy);
  const addressOf = ({ socket, headers }: IncomingMessage): string => readAddress(socket.remoteAddress, headers['x-forwarded-for']);
  const unsent = unsentBytes(addressOf);
  const pictures = new Pictures({ directory, archive, bus, ffmpegPath: config.ffmpegPath, log, metrics: registry, clock });
  const media = new MediaHandler({ directory, audience, waitingRoom, metrics, readAddress, clock, archive, unsent, pictures, basePath: basePathOf(config.publicUrl) });
  let stopping = false;
  const report = new AudienceReport({ bus, audience, directory });
  const whep =
    deps.rtc &&
    startWhep({
      bus, rtc: deps.rtc, directory, audience, report, clock, limits: config, workers: config.egressWorkers, basePath: basePathOf(config.publicUrl), metrics: registry, log,
      readAddress: addressOf,
    });
  const pages = new Pages(config.playerDir ?? fileURLToPath(new URL('../player/dist', import.meta.url)));
  const recordings = startRecordings({ archive, bus, log, pictures, addressOf, unsent });
  const listener = dispatcher({
    basePath: basePathOf(config.publicUrl),
    media,
    whep: whep?.face,
    recordings,
    health: healthEndpoints({
      clock,
      registry,
      ready: () => !stopping && (deps.ready?.() ?? true),
      authorize: deps.authorize ?? (() => false),
    }),
    apps: appRunner(deps.apps, { trustProxy: config.trustProxy, log }),
    pages,
    log,
  });
  const servers = await openServers(listener, deps, connections).catch(async (error: unknown) => {
    await whep?.close();
    recordings.close();
    await pictures.close();
    await archive.close();
    throw error;
  });
  const follower = followBus({ bus, directory, archive, observer: metrics, log, clock });
  const timers = [
    setInterval(() => directory.expire(clock()), EXPIRY_INTERVAL),
    setInterval(() => report.write(clock()), 1000),
    setInterval(() => connections.sweep(), SWEEP_INTERVAL),
  ];
  const { promise: closed, resolve: ended } = Promise.withResolvers<void>();
  let closing: Promise<void> | undefined;
  return {
    httpPort: servers.http.port,
    httpsPort: servers.https?.port,
    metricsPort: servers.metrics?.port,
    closed,
    close: () =>
      (closing ??= (async () => {
        stopping = true;
        media.stop();
        await whep?.close();
        await follower.close();
        recordings.close();
        await pictures.close();
        // Beside the rest: a slow disk takes its time.
        const archived = archive.close();
        directory.dismiss();
        const open = [servers.http, servers.https, servers.metrics].filter((server) => server !== undefined);
        await Promise.all(open.map((server) => server.close(CLOSE_GRACE)));
        await archived;
        timers.forEach((timer) => clearInterval(timer));
        ended();
      })()),
  };
}

type Servers = { readonly http: OpenServer; readonly https: OpenServer | undefined; readonly metrics: OpenServer | undefined };

/** Opens all listeners, or none. */
async function openServers(
  listener: (request: IncomingMessage, response: ServerResponse) => void,
  { config, metrics: registry, sockets = {} }: EdgeDeps,
  connections: Connections,
): Promise<Servers> {
  const { host, tlsCert, tlsKey, metricsPort } = config;
  const opened: OpenServer[] = [];
  const keep = <T extends OpenServer>(server: T): T => {
    opened.push(server);
    return server;
  };
  try {
    const http = keep(await openHttp(listener, connections, { host, port: config.httpPort, option: 'httpPort', fd: sockets.http }));
    const https =
      tlsCert !== undefined && tlsKey !== undefined
        ? keep(await openHttps(listener, connections, { host, port: config.httpsPort, option: 'httpsPort', fd: sockets.https }, { cert: tlsCert, key: tlsKey }))
        : undefined;
    const metrics =
      metricsPort === undefined
        ? undefined
        : keep(await openHttp((request, response) => writeMetrics(request, response, registry), connections, { host: '127.0.0.1', port: metricsPort, option: 'metricsPort' }));
    return { http, https, metrics };
  } catch (error) {
    await Promise.all(opened.map((server) => server.close(millis(0))));
    throw error;
  }
}

/** The path of the public URL without a slash at the end. */
function basePathOf(publicUrl: string | undefined): string {
  return publicUrl === undefined ? '' : new URL(publicUrl).pathname.replace(/\/+$/, '');
}
