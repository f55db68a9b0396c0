import type { IncomingMessage } from 'node:http';
import type { Registry } from 'prom-client';

import { parseStreamKey } from '#core/access/stream-key.ts';
import type { Bus } from '#core/bus/bus.ts';
import type { StreamName } from '#core/bus/catalog.ts';
import type { EdgeLoad, NodeId } from '#core/bus/node.ts';
import { RECORDINGS_SUBJECT } from '#core/recording/recording.ts';
import { millis, systemClock, type Clock, type Millis } from '#core/media/time.ts';
import type { Nodes } from '#core/placement/nodes.ts';
import type { GivenSockets } from '#core/runtime/listen-fds.ts';
import type { Logger } from '#core/runtime/log.ts';
import type { Stage } from '#core/runtime/stage.ts';
import type { RtcTransport } from '#core/rtc/transport.ts';

import { noArchive } from './archive/nothing-kept.ts';
import { openArchive } from './archive/open-archive.ts';
import { Audience } from './audience/audience.ts';
import { AudienceReport } from './audience/report.ts';
import type { EdgeConfig } from './config.ts';
import { Drain } from './elsewhere/drain.ts';
import { LoadMeter } from './elsewhere/load-meter.ts';
import { OtherEdges } from './elsewhere/other-edges.ts';
import { steeringOf } from './elsewhere/steering.ts';
import { followBus, type BusFollower } from './from-bus.ts';
import { appRunner, type AppHandler } from './http/apps.ts';
import { addressReader, plainAddress } from './http/client-address.ts';
import { Connections, SWEEP_INTERVAL } from './http/connections.ts';
import { dispatcher } from './http/dispatch.ts';
import { healthEndpoints } from './http/health.ts';
import { basePathOf, CLOSE_GRACE, openPages } from './http/http-face.ts';
import { unsentBytes } from './http/kept-answers.ts';
import { openListeners, type Listeners } from './http/listeners.ts';
import { MediaHandler } from './http/media-handler.ts';
import { EdgeMetrics } from './http/metrics.ts';
import { WaitingRoom } from './http/waiting-room.ts';
import { openHttpWorkers, type HttpWorkers } from './http/workers/open-workers.ts';
import { canShareSockets } from './http/workers/shared-socket.ts';
import { Directory } from './llhls/directory.ts';
import { Pictures } from './pictures/pictures.ts';
import { startRecordings } from './recordings/start.ts';
import { startWhep } from './whep/start.ts';

export { startHttpFace, type HttpFace, type HttpFaceDeps } from './http/http-face.ts';

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
  /** Which tracks are subscribed to (ADR 0015): all of them (default), or those that somebody watches. */
  readonly follow?: 'always' | 'watched';
  /** Name of this process among those on the bus; undefined where it is the only one. */
  readonly node?: NodeId;
  /** The other processes: who else serves viewers. Without it viewers are never sent elsewhere. */
  readonly nodes?: Pick<Nodes, 'list'>;
  /** Where this edge stands. */
  readonly region?: string | undefined;
  /** Whether broadcasts are kept on disk here, as they are configured (default), or nothing is. */
  readonly archives?: boolean;
  readonly clock?: Clock;
};

/** The running edge. */
export interface EdgeStage extends Stage {
  /** Ports that are really open; undefined where not configured. */
  readonly httpPort: number;
  readonly httpsPort: number | undefined;
  readonly metricsPort: number | undefined;
  /** How full it is, for `NodeInfo`. */
  readonly load: EdgeLoad;
  /**
   * Sends viewers to other edges and takes no new ones where there is another: `/readyz` answers 503 from now on. Whoever stays is served. Settles once no viewer is left, or after
   * `limit`; then {@link Stage.close} ends the rest.
   */
  drain(limit: Millis): Promise<void>;
}

/** How often waiting requests are looked over for time-outs: a tenth of what hls.js grants beyond our 6 s. */
const EXPIRY_INTERVAL = millis(250);

/**
 * Starts the edge: packages every rendition on the bus and serves it, with the player's pages and the routers of other
 * stages.
 *
 * @throws {MillraceError} `edge/port-in-use`, `edge/listen`, `edge/tls`.
 */
export async function startEdge(deps: EdgeDeps): Promise<EdgeStage> {
  const { config, bus, log, metrics: registry, clock = systemClock } = deps;
  const edges = new OtherEdges({ nodes: deps.nodes, node: deps.node, region: deps.region, clock });
  const basePath = basePathOf(config.publicUrl);
  const configured = [...config.streams.map(({ key }) => key), ...config.streamKeys].flatMap((key) => parseStreamKey(key)?.stream ?? []);
  const knownStreams = (): readonly StreamName[] => [...configured, ...(deps.knownStreams?.() ?? [])];
  const directory = new Directory({
    clock,
    listed: millis(config.liveWindow * 1000),
    maxBytesPerTrack: config.windowMegabytes * 1024 * 1024,
    partHoldBack: config.partHoldBack,
    knownStreams,
    steering: steeringOf(edges, basePath),
  });
  const archive =
    deps.archives === false
      ? noArchive
      : await openArchive({ config, log, metrics: registry, bus, clock, neverRecorded: deps.neverRecorded ?? [], url: () => edges.ownUrl });
  const audience = new Audience();
  const waitingRoom = new WaitingRoom({
    maxWaiting: config.maxWaitingRequests,
    maxWaitingPerAddress: config.maxWaitingRequestsPerAddress,
    maxWaitingPerConnection: 64,
  });
  const isProxied = config.trustProxy !== false;
  const connections = new Connections(config, (socket) => (isProxied ? '' : plainAddress(socket.remoteAddress)));
  let workers: HttpWorkers | undefined;
  const connectionCount = (): number => connections.count + (workers?.connections ?? 0);
  const metrics = new EdgeMetrics(registry, {
    viewers: () => audience.totals(),
    waiting: () => waitingRoom.count + (workers?.waiting ?? 0),
    connections: connectionCount,
    followed: () => follower.watched,
    load: () => meter.load,
  });
  const readAddress = addressReader(config.trustProxy);
  const addressOf = ({ socket, headers }: IncomingMessage): string => readAddress(socket.remoteAddress, headers['x-forwarded-for']);
  const unsent = unsentBytes(addressOf);
  const pictures = new Pictures({ directory, archive, bus, ffmpegPath: config.ffmpegPath, log, metrics: registry, clock });
  const media = new MediaHandler({
    directory, audience, waitingRoom, metrics, readAddress, clock, archive, unsent, pictures, basePath,
    moveTo: () => drain.target,
    ...(deps.node === undefined ? {} : { place: { node: deps.node, url: () => edges.ownUrl } }),
  });
  let stopping = false;
  const drain: Drain = new Drain({ edges, viewers: () => Math.max(whep?.face.viewers ?? 0, sumOf(audience.totals())), tell: () => whep?.face.move() });
  const report = new AudienceReport({ bus, audience, directory });
  const whep =
    deps.rtc &&
    startWhep({
      bus, rtc: deps.rtc, directory, audience, report, clock, limits: config, workers: config.egressWorkers, basePath, metrics: registry, log,
      readAddress: addressOf,
      elsewhere: { node: deps.node, get isWished() { return drain.isOn || meter.load >= 1; }, next: () => edges.next({ whep: true }) },
    });
  const meter: LoadMeter = new LoadMeter(() => [(whep?.face.viewers ?? 0) / config.maxWhepViewers, connectionCount() / config.maxConnections, ...(workers?.loads ?? [])]);
  const recordings = startRecordings({ archive, bus, log, pictures, addressOf, unsent, subject: subjectOf(deps) });
  const listener = dispatcher({
    basePath,
    media,
    whep: whep?.face,
    recordings,
    health: healthEndpoints({
      clock,
      registry,
      ready: () => !stopping && !drain.isOn && (deps.ready?.() ?? true),
      authorize: deps.authorize ?? (() => false),
    }),
    apps: appRunner(deps.apps, { trustProxy: config.trustProxy, log }),
    pages: openPages(config, deps.nodes !== undefined),
    log,
  });
  const opening = async (): Promise<Listeners> => {
    if (!usesWorkers(deps)) {
      return openListeners(listener, { config, metrics: registry, connections, sockets: deps.sockets });
    }
    workers = await openHttpWorkers(listener, {
      config, basePath, bus, audience, metrics, registry, connections, sockets: deps.sockets, knownStreams, log, clock,
      isDraining: () => drain.isOn,
      place: deps.nodes && { node: deps.node, region: deps.region },
    });
    return workers;
  };
  const listeners = await opening().catch(async (error: unknown) => {
    await whep?.close();
    recordings.close();
    await pictures.close();
    await archive.close();
    throw error;
  });
  const follower: BusFollower = followBus({ bus, directory, archive, follow: deps.follow ?? 'always', maxFollowedTracks: config.maxFollowedTracks, observer: metrics, log, clock });
  const timers = [
    setInterval(() => {
      directory.expire(clock());
      follower.expire(clock());
    }, EXPIRY_INTERVAL),
    setInterval(() => {
      report.write(clock());
      meter.sample();
      workers?.tell();
    }, 1000),
    setInterval(() => connections.sweep(), SWEEP_INTERVAL),
  ];
  const { promise: closed, resolve: ended } = Promise.withResolvers<void>();
  let closing: Promise<void> | undefined;
  return {
    httpPort: listeners.httpPort,
    httpsPort: listeners.httpsPort,
    metricsPort: listeners.metricsPort,
    get load() {
      return { viewers: audience.totals(), load: meter.load, whep: deps.rtc !== undefined, archive: deps.archives ?? true };
    },
    drain: (limit) => {
      const drained = drain.begin(limit);
      workers?.tell();
      return drained;
    },
    closed,
    close: () =>
      (closing ??= (async () => {
        stopping = true;
        drain.close();
        media.stop();
        workers?.stop();
        await whep?.close();
        await follower.close();
        recordings.close();
        await pictures.close();
        // Beside the rest: a slow disk takes its time.
        const archived = archive.close();
        directory.dismiss();
        await listeners.close(CLOSE_GRACE);
        await archived;
        timers.forEach((timer) => clearInterval(timer));
        ended();
      })()),
  };
}

/** Whether HTTP is served by worker threads: where it is configured, and a socket that was handed over can be shared among them. */
function usesWorkers({ config, sockets, log }: EdgeDeps): boolean {
  const canShare = (sockets?.http ?? sockets?.https) === undefined || canShareSockets();
  if (config.httpWorkers > 0 && !canShare) {
    log.warn({ httpWorkers: config.httpWorkers }, 'sockets that were handed over cannot be shared among threads on this system: the main thread serves HTTP alone');
  }
  return config.httpWorkers > 0 && canShare;
}

/** What the recordings that are kept here are asked for by on the bus. */
function subjectOf({ archives = true, node }: EdgeDeps): string | undefined {
  return !archives ? undefined : node === undefined ? RECORDINGS_SUBJECT : `${RECORDINGS_SUBJECT}/${node}`;
}

function sumOf(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}
