import type { WorkerBus } from '#core/bus/worker/connect-bus.ts';
import { millis, type Clock, type Millis } from '#core/media/time.ts';
import { Nodes } from '#core/placement/nodes.ts';
import type { Logger } from '#core/runtime/log.ts';

import { Audience } from '../../audience/audience.ts';
import { LoadMeter } from '../../elsewhere/load-meter.ts';
import { OtherEdges } from '../../elsewhere/other-edges.ts';
import { steeringOf } from '../../elsewhere/steering.ts';
import { followBus, type BusFollower } from '../../from-bus.ts';
import type { BroadcastWindow } from '../../llhls/broadcast-window.ts';
import { Directory } from '../../llhls/directory.ts';
import { addressReader, plainAddress } from '../client-address.ts';
import { Connections, SWEEP_INTERVAL } from '../connections.ts';
import { dispatcher } from '../dispatch.ts';
import { MediaHandler } from '../media-handler.ts';
import { openHttp, openHttps, type OpenServer, type RequestListener } from '../server.ts';
import { WaitingRoom } from '../waiting-room.ts';
import type { HttpWorkerData, ViewerChange, WorkerFacts, WorkerState } from './messages.ts';
import { duplicate } from './shared-socket.ts';
import { Upstream } from './upstream.ts';
import { WorkerCounts } from './worker-counts.ts';

/** How often waiting requests are looked over, as on the main thread. */
const EXPIRY_INTERVAL = millis(250);

/** What a {@link MediaWorker} works with. */
export type MediaWorkerOptions = { readonly data: HttpWorkerData; readonly bus: WorkerBus; readonly log: Logger; readonly clock: Clock };

/** An edge for live media and nothing else; the main thread answers the rest. */
export class MediaWorker {
  readonly #options: MediaWorkerOptions;
  readonly #directory: Directory;
  readonly #waitingRoom: WaitingRoom;
  readonly #connections: Connections;
  readonly #upstream: Upstream;
  readonly #media: MediaHandler;
  readonly #follower: BusFollower;
  readonly #audience: Audience;
  readonly #counts = new WorkerCounts();
  readonly #meter = new LoadMeter(() => []);
  readonly #nodes: Nodes | undefined;
  readonly #timers: readonly NodeJS.Timeout[];
  readonly #listener: RequestListener;
  #viewers: ViewerChange[] = [];
  #servers: OpenServer[] = [];
  #state: WorkerState;

  constructor(options: MediaWorkerOptions) {
    this.#options = options;
    const { data, bus, log, clock } = options;
    const { config, limits, place, basePath } = data;
    this.#state = data.state;
    this.#nodes = place && new Nodes(bus);
    const edges = new OtherEdges({ nodes: this.#nodes, node: place?.node, region: place?.region, clock });
    this.#directory = new Directory({
      clock,
      listed: millis(config.liveWindow * 1000),
      maxBytesPerTrack: config.windowMegabytes * 1024 * 1024,
      partHoldBack: config.partHoldBack,
      knownStreams: () => this.#state.knownStreams,
      steering: steeringOf(edges, basePath),
    });
    this.#audience = new Audience((...change) => this.#viewers.push(change));
    this.#waitingRoom = new WaitingRoom(limits.waiting);
    const isProxied = config.trustProxy !== false;
    this.#connections = new Connections(limits.connections, (socket) => (isProxied ? '' : plainAddress(socket.remoteAddress)));
    this.#upstream = new Upstream({ door: data.inner, maxRequests: limits.passedOn });
    const pass: RequestListener = (request, response) => this.#upstream.pass(request, response);
    this.#media = new MediaHandler({
      directory: this.#directory, audience: this.#audience, waitingRoom: this.#waitingRoom, metrics: this.#counts, readAddress: addressReader(config.trustProxy), clock, basePath,
      moveTo: () => (this.#state.isDraining ? edges.next() : undefined),
      otherwise: pass,
      // What lists the rewind window, or began before this process did, needs the disk.
      dash: { isElsewhere: ({ archive }: BroadcastWindow) => archive !== undefined && (archive.recording || archive.rewind > 0) && (archive.url === undefined || archive.url === edges.ownUrl) },
    });
    this.#listener = dispatcher({ basePath, media: this.#media, health: new Map(), apps: pass, log });
    this.#follower = followBus({ bus, directory: this.#directory, follow: 'watched', maxFollowedTracks: config.maxFollowedTracks, observer: this.#counts, log, clock });
    this.#timers = [
      setInterval(() => {
        this.#directory.expire(clock());
        this.#follower.expire(clock());
      }, EXPIRY_INTERVAL),
      setInterval(() => this.#connections.sweep(), SWEEP_INTERVAL),
    ];
  }

  /**
   * Listens, among others.
   *
   * @throws {MillraceError} `edge/port-in-use`, `edge/listen`, `edge/tls`.
   */
  async listen(): Promise<{ readonly httpPort: number; readonly httpsPort: number | undefined }> {
    const { host, http, https } = this.#options.data;
    const open = await openHttp(this.#listener, this.#connections, { host, ...own(http), option: 'httpPort', isShared: true });
    this.#servers.push(open);
    if (https === undefined) {
      return { httpPort: open.port, httpsPort: undefined };
    }
    const secure = await openHttps(this.#listener, this.#connections, { host, ...own(https), option: 'httpsPort', isShared: true }, https);
    this.#servers.push(secure);
    return { httpPort: open.port, httpsPort: secure.port };
  }

  set state(state: WorkerState) {
    this.#state = state;
  }

  /** What it did since this was last called. Call it once a second. */
  facts(): WorkerFacts {
    this.#audience.expire(this.#options.clock());
    this.#meter.sample();
    const viewers = this.#viewers;
    this.#viewers = [];
    return { counts: this.#counts.take(), viewers, passedOn: this.#upstream.take(), connections: this.#connections.count, waiting: this.#waitingRoom.count, load: this.#meter.load };
  }

  /** From now on nobody is made to wait. */
  stop(): void {
    this.#media.stop();
  }

  /** Takes no more connections, and gives those that are open so long to finish. */
  async close(grace: Millis): Promise<void> {
    this.stop();
    await this.#follower.close();
    this.#directory.dismiss();
    await Promise.all(this.#servers.map((server) => server.close(grace)));
    this.#timers.forEach((timer) => clearInterval(timer));
    this.#upstream.close();
    this.#nodes?.close();
  }
}

/** The port, with a descriptor of this thread's own where there is a socket. */
function own({ port, fd }: HttpWorkerData['http']): { readonly port: number; readonly fd: number | undefined } {
  return { port, fd: fd === undefined ? undefined : duplicate(fd) };
}
