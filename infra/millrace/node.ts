import { startControl, whipElsewhere, type ControlStage } from '#control/main.ts';
import type { Bus } from '#core/bus/bus.ts';
import type { NatsBus } from '#core/bus/nats/connect.ts';
import type { NodeId, NodeRole } from '#core/bus/node.ts';
import { millis } from '#core/media/time.ts';
import { Nodes } from '#core/placement/nodes.ts';
import { startRtcTransport } from '#core/rtc/start-transport.ts';
import type { RtcTransport } from '#core/rtc/transport.ts';
import type { OptionValues } from '#core/runtime/config/option.ts';
import { MillraceError } from '#core/runtime/errors.ts';
import type { GivenSockets } from '#core/runtime/listen-fds.ts';
import type { Logger } from '#core/runtime/log.ts';
import { createMetrics } from '#core/runtime/metrics.ts';
import type { Stage } from '#core/runtime/stage.ts';
import { startEdge, startHttpFace, type EdgeStage, type HttpFace } from '#edge/main.ts';
import { startIngest, type HttpHandler, type IngestOptions, type IngestStage } from '#ingest/main.ts';
import { startTranscode, type TranscodeStage } from '#transcode/main.ts';

import { prepareCard } from '../demo/card.ts';
import { DemoChannel } from '../demo/channel.ts';
import { DEMO_STREAM, loadDemoKey } from '../demo/demo-key.ts';
import { addressesOf, loopbackOf, type Addresses } from './addresses.ts';
import { renderBanner, renderRoleBanner } from './banner.ts';
import { lockDataFolder, prepareDataFolder } from './data-folder.ts';
import { drainStages } from './drain.ts';
import { joinBus } from './join.ts';
import { nodeNameOf } from './node-name.ts';
import type { allOptions } from './options.ts';
import { Presence } from './presence.ts';
import { edgeRedirects } from './redirects.ts';
import { Running } from './running.ts';

/** Every role: what `millrace up` runs. */
export const ALL_ROLES: readonly NodeRole[] = ['control', 'ingest', 'transcode', 'edge'];

/** What {@link startNode} works with. */
export type NodeOptions = {
  readonly config: OptionValues<typeof allOptions>;
  readonly roles: readonly NodeRole[];
  readonly log: Logger;
  readonly version: string;
  readonly configFile?: string;
  /** Bound sockets to listen on in place of the configured host and ports. */
  readonly sockets?: GivenSockets;
};

/** A process with its roles. */
export interface StartedNode extends Stage {
  /** Settles with the block to print once it does its work; rejects where the start failed, all closed again. */
  readonly ready: Promise<string>;
  /** Lets others take over what it does, as far as they can, then closes. */
  leave(): Promise<void>;
}

/** Starts the stages of a process; `close()` during the start stops it halfway. */
export function startNode(options: NodeOptions): StartedNode {
  const running = new Running();
  const node = new Composition(options, running);
  const ready = node.start().catch(async (error: unknown) => {
    await running.close();
    throw error;
  });
  return {
    ready,
    closed: running.closed,
    close: () => running.close(),
    leave: async () => {
      await node.drain();
      await running.close();
    },
  };
}

/** What every stage is started with. */
type Common = { readonly config: NodeOptions['config']; readonly bus: Bus; readonly log: Logger; readonly metrics: ReturnType<typeof createMetrics> };

/** The stages of one process, as they come up. */
class Composition {
  readonly #options: NodeOptions;
  readonly #running: Running;
  readonly #node: NodeId;
  #config: NodeOptions['config'];
  #nats: NatsBus | undefined;
  #nodes: Nodes | undefined;
  #presence: Presence | undefined;
  #edge: EdgeStage | undefined;
  #transcode: TranscodeStage | undefined;
  #ingest: IngestStage | undefined;
  #isReady = false;

  constructor(options: NodeOptions, running: Running) {
    this.#options = options;
    this.#running = running;
    this.#config = options.config;
    this.#node = nodeNameOf(options.config.nodeName);
  }

  async start(): Promise<string> {
    const { config: given, log, version, configFile, roles, sockets = {} } = this.#options;
    checkSockets(given, sockets);
    if (given.natsUrl === undefined && roles.length < ALL_ROLES.length) {
      throw new MillraceError('startup/nats-needed', `\`millrace ${roles.join(' ')}\` is one process of several, which NATS joins: name its servers by MILLRACE_NATS_URL, or run \`millrace up\`, which runs every stage in one process.`);
    }
    const running = this.#running;
    const config = { ...given, dataDir: prepareDataFolder(given.dataDir) };
    this.#config = config;
    running.add(await lockDataFolder(config.dataDir));
    log.info({ version, configFile, dataDir: config.dataDir, sockets: Object.keys(sockets), roles, ...(given.natsUrl === undefined ? {} : { node: this.#node }) }, 'starting');

    const metrics = createMetrics();
    const { bus, nats } = await joinBus(config, this.#node, { log: log.child({ stage: 'nats' }), metrics });
    running.add({ close: () => bus.close() });
    this.#nats = nats;
    if (nats !== undefined) {
      const nodes = new Nodes(bus);
      this.#nodes = nodes;
      running.add({ close: () => Promise.resolve(nodes.close()) });
    }
    const common = { config, bus, metrics, log };
    const addresses = await this.#startStages(common);
    this.#isReady = true;
    // The first to hear of the stop: a load balancer looks elsewhere while viewers get what was cut.
    running.add({
      close: () => {
        this.#isReady = false;
        return Promise.resolve();
      },
    });
    return addresses;
  }

  /** Others take over what they can: where there are others. */
  async drain(): Promise<void> {
    if (this.#nodes === undefined || !this.#isReady) {
      return;
    }
    this.#presence?.drain();
    await drainStages({
      nodes: this.#nodes.list(),
      node: this.#node,
      limit: millis(this.#config.drainSeconds * 1000),
      edge: this.#edge,
      transcode: this.#transcode,
      log: this.#options.log,
    });
  }

  async #startStages(common: Common): Promise<string> {
    const { roles, version } = this.#options;
    const { config, bus, log } = common;
    const running = this.#running;
    const control = await this.#startControl(common);
    const configured = control.knownStreams();
    const isAlone = this.#nats === undefined;
    const demoKey = isAlone && config.demo && configured.length === 0 ? loadDemoKey(config.dataDir) : undefined;
    if (demoKey !== undefined) {
      control.addKey(demoKey);
    }
    const card = demoKey === undefined ? undefined : prepareCard(config.ffmpegPath);
    const rtc = roles.includes('ingest') || roles.includes('edge') ? await running.start(() => startRtcTransport({ config, log: log.child({ stage: 'rtc' }), metrics: common.metrics })) : undefined;
    // Publishers are let in last, and asked for over the HTTP port.
    const publishing: { whip?: HttpHandler | undefined } = {};
    const http = await this.#startHttp(common, { rtc, control, publishing, neverRecorded: demoKey === undefined ? [] : [DEMO_STREAM] });
    // Ahead of the HTTP face, which waits for open answers: event streams are control's to end. It goes on deciding until then.
    running.add({ close: () => control.close() });
    if (roles.includes('transcode')) {
      this.#transcode = await running.start(() => startTranscode({ ...stage(common, 'transcode'), ...this.#place() }));
    }
    const demo = demoKey === undefined ? undefined : new DemoChannel({ bus, policy: control.policy, log: log.child({ stage: 'demo' }) });
    if (roles.includes('ingest') && rtc !== undefined) {
      this.#ingest = await running.start(() =>
        startIngest({ ...stage(common, 'ingest'), ...this.#place(), policy: demo ?? control.policy, rtc, signalling: signallingOf(config), sockets: this.#options.sockets ?? {} }),
      );
      publishing.whip = this.#ingest.whip;
    }
    const { rtmpPort = 0, rtmpsPort } = this.#ingest ?? {};
    const addresses = addressesOf(config, { http: http.httpPort, https: http.httpsPort, rtmp: rtmpPort, rtmps: rtmpsPort });
    this.#present(bus, addresses);
    if (demo !== undefined && card !== undefined) {
      await running.start(async () => {
        demo.broadcast(await card, `rtmp://${loopbackOf(config.host)}:${rtmpPort}/live`);
        return demo;
      });
    }
    return roles.length === ALL_ROLES.length
      ? renderBanner({ version, addresses, demoKey, streams: configured, tokenPath: control.tokenPath })
      : renderRoleBanner({ version, roles, node: this.#node, addresses });
  }

  /** The API, wherever HTTP is asked by people; who decides who may publish is told by the roles. */
  #startControl(common: Common): Promise<ControlStage> {
    const { roles, version } = this.#options;
    return this.#running.start(() =>
      startControl({
        ...stage(common, 'control'),
        version,
        capacity: () => this.#transcode?.capacity,
        role: roles.includes('control') ? 'decides' : 'asks',
        ...this.#place(),
        ...(this.#nodes === undefined ? {} : { nodes: this.#nodes }),
      }),
    );
  }

  async #startHttp(
    common: Common,
    parts: { readonly rtc: RtcTransport | undefined; readonly control: ControlStage; readonly publishing: { whip?: HttpHandler | undefined }; readonly neverRecorded: readonly string[] },
  ): Promise<HttpFace> {
    const { roles, sockets } = this.#options;
    const { rtc, control, publishing, neverRecorded } = parts;
    const whip: HttpHandler = (request, response, next) => (publishing.whip === undefined ? next?.() : publishing.whip(request, response, next));
    const apps = [control.router, ...this.#signallingApps(whip)];
    const health = { ready: () => this.#isReady, authorize: (request: Parameters<ControlStage['authorize']>[0]) => control.authorize(request) };
    if (!roles.includes('edge') || rtc === undefined) {
      return this.#running.start(() => startHttpFace({ ...stage(common, 'http'), apps, health, pages: !roles.includes('transcode'), redirects: edgeRedirects(this.#nodes, common.config.region), ...(sockets === undefined ? {} : { sockets }) }));
    }
    const isAlone = this.#nats === undefined;
    this.#edge = await this.#running.start(() =>
      startEdge({
        ...stage(common, 'edge'),
        ...this.#place(),
        apps,
        rtc,
        knownStreams: () => control.knownStreams(),
        neverRecorded,
        ...health,
        follow: isAlone ? 'always' : 'watched',
        archives: common.config.archive === 'on' || (common.config.archive === 'auto' && roles.length === ALL_ROLES.length),
        region: common.config.region,
        ...(this.#nodes === undefined ? {} : { nodes: this.#nodes }),
        ...(sockets === undefined ? {} : { sockets }),
      }),
    );
    return this.#edge;
  }

  /** WHIP here, or where there is an ingest. */
  #signallingApps(whip: HttpHandler): readonly HttpHandler[] {
    if (this.#nodes === undefined || this.#options.roles.includes('ingest')) {
      return [whip];
    }
    const { region, publicUrl } = this.#config;
    return [whipElsewhere({ nodes: this.#nodes, node: this.#node, region, basePath: signallingOf({ publicUrl }).basePath ?? '' })];
  }

  #present(bus: Bus, addresses: Addresses): void {
    const { roles, version } = this.#options;
    const { region } = this.#config;
    const [ingest, transcode, edge] = [this.#ingest, this.#transcode, this.#edge];
    const loads = {
      ...(ingest === undefined ? {} : { ingest: () => ({ ...ingest.load, rtmpUrl: addresses.rtmp }) }),
      ...(transcode === undefined ? {} : { transcode: () => transcode.load }),
      ...(edge === undefined ? {} : { edge: () => edge.load }),
    };
    this.#presence = new Presence({ bus, node: this.#node, roles, version, region, url: addresses.web, loads });
    this.#running.add(this.#presence);
  }

  /** Who this process is among others; nothing where it is the only one. */
  #place(): { readonly node?: NodeId } {
    return this.#nats === undefined ? {} : { node: this.#node };
  }
}

function stage(common: Common, name: string): Common {
  return { ...common, log: common.log.child({ stage: name }) };
}

function checkSockets(config: NodeOptions['config'], sockets: GivenSockets): void {
  if (config.tlsCert === undefined && (sockets.https ?? sockets.rtmps) !== undefined) {
    throw new MillraceError('config/listen-fds', 'A socket for https or rtmps was handed over, but there is no certificate: set tlsCert and tlsKey, or do not hand it over, for who connects to it would wait in vain.');
  }
}

/** How WHIP's URLs look from outside, and who asks. */
function signallingOf({ publicUrl }: Pick<NodeOptions['config'], 'publicUrl'>): NonNullable<IngestOptions['signalling']> {
  return {
    basePath: publicUrl === undefined ? '' : new URL(publicUrl).pathname.replace(/\/+$/, ''),
    // Express has worked out which proxy to believe.
    address: (request) => ('ip' in request && typeof request.ip === 'string' ? request.ip : (request.socket.remoteAddress ?? '')),
  };
}
