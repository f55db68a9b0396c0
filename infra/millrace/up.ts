import { startControl } from '#control/main.ts';
import { createLocalBus } from '#core/bus/local/local-bus.ts';
import { startRtcTransport } from '#core/rtc/start-transport.ts';
import type { OptionValues } from '#core/runtime/config/option.ts';
import { MillraceError } from '#core/runtime/errors.ts';
import type { GivenSockets } from '#core/runtime/listen-fds.ts';
import type { Logger } from '#core/runtime/log.ts';
import { createMetrics } from '#core/runtime/metrics.ts';
import type { Stage } from '#core/runtime/stage.ts';
import { startEdge } from '#edge/main.ts';
import { startIngest, type HttpHandler, type IngestOptions } from '#ingest/main.ts';
import { startTranscode, type TranscodeStage } from '#transcode/main.ts';

import { prepareCard } from '../demo/card.ts';
import { DemoChannel } from '../demo/channel.ts';
import { DEMO_STREAM, loadDemoKey } from '../demo/demo-key.ts';
import { addressesOf, loopbackOf } from './addresses.ts';
import { renderBanner } from './banner.ts';
import { lockDataFolder, prepareDataFolder } from './data-folder.ts';
import type { allOptions } from './options.ts';
import { Running } from './running.ts';

/** What {@link startUp} works with. */
export type UpOptions = {
  readonly config: OptionValues<typeof allOptions>;
  readonly log: Logger;
  readonly version: string;
  readonly configFile?: string;
  /** Bound sockets to listen on in place of the configured host and ports. */
  readonly sockets?: GivenSockets;
};

/** Everything in one process. */
export interface Up extends Stage {
  /** Settles with the block to print once viewers and broadcasters are served; rejects where the start failed, all closed again. */
  readonly ready: Promise<string>;
}

/** Starts every stage on the bus of this process; `close()` during the start stops it halfway. */
export function startUp(options: UpOptions): Up {
  const running = new Running();
  const ready = compose(options, running).catch(async (error: unknown) => {
    await running.close();
    throw error;
  });
  return { ready, closed: running.closed, close: () => running.close() };
}

async function compose({ config: given, log, version, configFile, sockets = {} }: UpOptions, running: Running): Promise<string> {
  if (given.natsUrl !== undefined) {
    throw new MillraceError('startup/not-available', 'MILLRACE_NATS_URL is set, but joining stages by NATS is not available yet: leave it out, and every stage runs in this process.');
  }
  if (given.tlsCert === undefined && (sockets.https ?? sockets.rtmps) !== undefined) {
    throw new MillraceError('config/listen-fds', 'A socket for https or rtmps was handed over, but there is no certificate: set tlsCert and tlsKey, or do not hand it over, for who connects to it would wait in vain.');
  }
  const config = { ...given, dataDir: prepareDataFolder(given.dataDir) };
  running.add(await lockDataFolder(config.dataDir));
  log.info({ version, configFile, dataDir: config.dataDir, sockets: Object.keys(sockets) }, 'starting');

  const metrics = createMetrics();
  const bus = createLocalBus();
  running.add({ close: () => bus.close() });
  const stage = (name: string): { readonly config: typeof config; readonly bus: typeof bus; readonly log: Logger; readonly metrics: typeof metrics } => ({
    config,
    bus,
    log: log.child({ stage: name }),
    metrics,
  });

  // The API tells of it; it is measured after the API is up.
  const encoders: { stage?: TranscodeStage } = {};
  const control = await running.start(() => startControl({ ...stage('control'), version, capacity: () => encoders.stage?.capacity }));
  const configured = control.knownStreams();
  const demoKey = config.demo && configured.length === 0 ? loadDemoKey(config.dataDir) : undefined;
  if (demoKey !== undefined) {
    control.addKey(demoKey);
  }
  const card = demoKey === undefined ? undefined : prepareCard(config.ffmpegPath);
  let isReady = false;
  const rtc = await running.start(() => startRtcTransport({ config, log: log.child({ stage: 'rtc' }), metrics }));
  // Publishers are let in last, and asked for over the edge's HTTP port.
  const publishing: { whip?: HttpHandler | undefined } = {};
  const edge = await running.start(() =>
    startEdge({
      ...stage('edge'),
      apps: [control.router, (request, response, next) => (publishing.whip === undefined ? next() : publishing.whip(request, response, next))],
      rtc,
      knownStreams: () => control.knownStreams(),
      neverRecorded: demoKey === undefined ? [] : [DEMO_STREAM],
      authorize: (request) => control.authorize(request),
      ready: () => isReady,
      sockets,
    }),
  );
  // Ahead of the edge, which waits for open answers: event streams are control's to end. It goes on deciding until then.
  running.add({ close: () => control.close() });
  encoders.stage = await running.start(() => startTranscode(stage('transcode')));
  const demo = demoKey === undefined ? undefined : new DemoChannel({ bus, policy: control.policy, log: log.child({ stage: 'demo' }) });
  const ingest = await running.start(() => startIngest({ ...stage('ingest'), policy: demo ?? control.policy, rtc, signalling: signallingOf(config), sockets }));
  publishing.whip = ingest.whip;
  isReady = true;
  // The first to hear of the stop: a load balancer looks elsewhere while viewers get what was cut.
  running.add({
    close: () => {
      isReady = false;
      return Promise.resolve();
    },
  });
  if (demo !== undefined && card !== undefined) {
    await running.start(async () => {
      demo.broadcast(await card, `rtmp://${loopbackOf(config.host)}:${ingest.rtmpPort}/live`);
      return demo;
    });
  }
  const addresses = addressesOf(config, { http: edge.httpPort, https: edge.httpsPort, rtmp: ingest.rtmpPort, rtmps: ingest.rtmpsPort });
  return renderBanner({ version, addresses, demoKey, streams: configured, tokenPath: control.tokenPath });
}

/** How WHIP's URLs look from outside, and who asks. */
function signallingOf({ publicUrl }: UpOptions['config']): NonNullable<IngestOptions['signalling']> {
  return {
    basePath: publicUrl === undefined ? '' : new URL(publicUrl).pathname.replace(/\/+$/, ''),
    // Express has worked out which proxy to believe.
    address: (request) => ('ip' in request && typeof request.ip === 'string' ? request.ip : (request.socket.remoteAddress ?? '')),
  };
}
