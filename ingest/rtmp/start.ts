import { readFile } from 'node:fs/promises';

import type { Registry } from 'prom-client';

import type { PublishPolicy } from '#core/access/publish-policy.ts';
import { systemClock, type Clock } from '#core/media/time.ts';
import type { CommonConfig } from '#core/runtime/config/common.ts';
import { MillraceError, messageOf } from '#core/runtime/errors.ts';
import type { GivenSockets } from '#core/runtime/listen-fds.ts';
import type { Logger } from '#core/runtime/log.ts';
import type { Stage } from '#core/runtime/stage.ts';

import type { PublisherRegistry } from '../source.ts';
import { ConnectionCensus, createRtmpListener, type RtmpListener, type RtmpListenerOptions } from './listener.ts';
import { rtmpMetrics } from './metrics.ts';
import type { RtmpConfig } from './options.ts';

/** What RTMP ingest needs. */
export type RtmpOptions = {
  readonly config: RtmpConfig & Pick<CommonConfig, 'host' | 'tlsCert' | 'tlsKey'>;
  readonly policy: PublishPolicy;
  readonly registry: PublisherRegistry;
  readonly log: Logger;
  readonly metrics: Registry;
  readonly clock?: Clock;
  /** Bound sockets to listen on in place of the configured host and ports. */
  readonly sockets?: Pick<GivenSockets, 'rtmp' | 'rtmps'>;
};

/** RTMP ingest that takes publishers. */
export interface RtmpStage extends Stage {
  /** The port that RTMP really listens on. */
  readonly rtmpPort: number;
  /** The port that RTMPS really listens on; undefined without a certificate. */
  readonly rtmpsPort: number | undefined;
}

/**
 * Opens RTMP and, with a certificate, RTMPS.
 *
 * @throws {MillraceError} `ingest/port-in-use`, `ingest/port-denied`, `ingest/listen-failed`, `ingest/bad-certificate`.
 */
export async function startRtmp({ config, policy, registry, log, metrics, clock = systemClock, sockets = {} }: RtmpOptions): Promise<RtmpStage> {
  const tls = await certificate(config);
  const shared = { config, policy, registry, log, metrics: rtmpMetrics(metrics), clock, host: config.host, census: new ConnectionCensus() };
  const rtmp = await createRtmpListener({ ...shared, protocol: 'rtmp', port: config.rtmpPort, fd: sockets.rtmp }).listen();
  const rtmps = tls === undefined ? undefined : await listenSecure({ ...shared, protocol: 'rtmps', port: config.rtmpsPort, tls, fd: sockets.rtmps }, rtmp);
  log.info({ rtmpPort: rtmp.port, rtmpsPort: rtmps?.port }, 'RTMP ingest is open');
  const ended = Promise.withResolvers<void>();
  return {
    rtmpPort: rtmp.port,
    rtmpsPort: rtmps?.port,
    close: async () => {
      await Promise.all([rtmp.close(), rtmps?.close()]);
      ended.resolve();
    },
    closed: ended.promise,
  };
}

async function listenSecure(options: RtmpListenerOptions, rtmp: RtmpListener): Promise<RtmpListener> {
  try {
    return await createRtmpListener(options).listen();
  } catch (error) {
    await rtmp.close();
    throw error;
  }
}

async function certificate({ tlsCert, tlsKey }: RtmpOptions['config']): Promise<{ cert: Buffer; key: Buffer } | undefined> {
  if (tlsCert === undefined || tlsKey === undefined) {
    return undefined;
  }
  try {
    return { cert: await readFile(tlsCert), key: await readFile(tlsKey) };
  } catch (error) {
    throw new MillraceError('ingest/bad-certificate', `The certificate (tlsCert) or its key (tlsKey) cannot be read: ${messageOf(error)}.`, { cause: error });
  }
}
