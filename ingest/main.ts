import { join } from 'node:path';

import type { Registry } from 'prom-client';

import type { PublishPolicy } from '#core/access/publish-policy.ts';
import type { Bus } from '#core/bus/bus.ts';
import type { IngestLoad, NodeId } from '#core/bus/node.ts';
import { systemClock, type Clock, type Millis } from '#core/media/time.ts';
import type { RtcTransport } from '#core/rtc/transport.ts';
import type { GivenSockets } from '#core/runtime/listen-fds.ts';
import type { Logger } from '#core/runtime/log.ts';
import type { Stage } from '#core/runtime/stage.ts';

import { FileLedger } from './broadcast/file-ledger.ts';
import { ingestMetrics } from './broadcast/metrics.ts';
import { StreamRegistry } from './broadcast/registry.ts';
import { SharedLedger } from './broadcast/shared-ledger.ts';
import type { IngestConfig } from './config.ts';
import { startRtmp } from './rtmp/start.ts';
import { startWhip, type HttpHandler, type WhipOptions } from './whip/start.ts';

export type { HttpHandler } from './whip/start.ts';

/** What ingest needs. */
export type IngestOptions = {
  readonly config: IngestConfig;
  readonly bus: Bus;
  readonly policy: PublishPolicy;
  readonly log: Logger;
  readonly metrics: Registry;
  readonly clock?: Clock;
  /** Name of this process among several; for the log. */
  readonly node?: NodeId;
  /** The WebRTC port; without it there is no WHIP. It is not closed with ingest. */
  readonly rtc?: RtcTransport;
  /** How WHIP's URLs look from outside, and who asks. */
  readonly signalling?: WhipOptions['signalling'];
  /** How long a broadcast waits for its publisher. Default 30 s; for tests. */
  readonly grace?: Millis;
  /** Bound sockets to listen on in place of the configured host and ports. */
  readonly sockets?: Pick<GivenSockets, 'rtmp' | 'rtmps'>;
};

/** Ingest that takes publishers. */
export interface IngestStage extends Stage {
  /** The port that RTMP really listens on. */
  readonly rtmpPort: number;
  /** The port that RTMPS really listens on; undefined without a certificate. */
  readonly rtmpsPort: number | undefined;
  /** Answers `/whip` and all below it, for the composer to mount; undefined without a WebRTC port. */
  readonly whip: HttpHandler | undefined;
  /** How full it is now. */
  readonly load: IngestLoad;
}

/**
 * Starts ingest: broadcasts that were interrupted are announced again, then publishers are let in. Where several processes share a bus, they
 * share their streams too (ADR 0013).
 *
 * @throws {MillraceError} what the protocols throw: `ingest/port-in-use`, `ingest/bad-certificate`, ...
 */
export async function startIngest({ config, bus, policy, log: parent, metrics, clock = systemClock, node, rtc, signalling, grace, sockets = {} }: IngestOptions): Promise<IngestStage> {
  const log = node === undefined ? parent : parent.child({ node });
  const ledger = bus.shared.durable ? new SharedLedger(bus.shared, log) : new FileLedger(join(config.dataDir, 'ingest'), log);
  const registry = await StreamRegistry.open({
    bus,
    ledger,
    clock,
    log,
    metrics: ingestMetrics(metrics),
    maxPublishers: config.maxPublishers,
    ...(grace === undefined ? {} : { grace }),
  });
  const whip = rtc && startWhip({ rtc, policy, registry, log, metrics, clock, ...(signalling === undefined ? {} : { signalling }) });
  try {
    const rtmp = await startRtmp({ config, policy, registry, log, metrics, clock, sockets });
    const ended = Promise.withResolvers<void>();
    rtmp.closed.then(ended.resolve, ended.reject);
    return {
      rtmpPort: rtmp.rtmpPort,
      rtmpsPort: rtmp.rtmpsPort,
      whip: whip?.handle,
      get load() {
        const host = rtmpHost(config);
        return {
          publishers: registry.publishers,
          maxPublishers: config.maxPublishers,
          ...(host === undefined ? {} : { rtmpUrl: `rtmp://${host}:${rtmp.rtmpPort}/live` }),
          whip: whip !== undefined,
        };
      },
      close: async () => {
        // Publishers hear why before their connections go.
        await registry.close();
        await Promise.all([rtmp.close(), whip?.close()]);
        ended.resolve();
      },
      closed: ended.promise,
    };
  } catch (error) {
    await registry.close();
    await whip?.close();
    throw error;
  }
}

/** The host that broadcasters are told, where somebody said which. */
function rtmpHost({ publicHost, publicUrl }: Pick<IngestConfig, 'publicHost' | 'publicUrl'>): string | undefined {
  const host = publicHost ?? (publicUrl === undefined ? undefined : new URL(publicUrl).hostname);
  return host?.includes(':') === true && !host.startsWith('[') ? `[${host}]` : host;
}
