import type { IncomingMessage, ServerResponse } from 'node:http';

import type { Registry } from 'prom-client';

import type { PublishPolicy } from '#core/access/publish-policy.ts';
import { systemClock, type Clock } from '#core/media/time.ts';
import { monotonicClock, type MonotonicClock } from '#core/rtc/monotonic.ts';
import { SignallingEndpoint, type SignallingOptions } from '#core/rtc/signalling/endpoint.ts';
import type { RtcTransport } from '#core/rtc/transport.ts';
import type { Logger } from '#core/runtime/log.ts';

import type { PublisherRegistry } from '../source.ts';
import { WhipFactory } from './factory.ts';
import { answerHealth } from './health.ts';
import { whipMetrics } from './metrics.ts';

/** What WHIP ingest needs. */
export type WhipOptions = {
  readonly rtc: RtcTransport;
  readonly policy: PublishPolicy;
  readonly registry: PublisherRegistry;
  readonly log: Logger;
  readonly metrics: Registry;
  readonly clock?: Clock;
  /** The clock of the transport's arrivals. */
  readonly monotonic?: MonotonicClock;
  /** How its URLs look from outside, and who asks. */
  readonly signalling?: Pick<SignallingOptions, 'basePath' | 'address' | 'iceServers'>;
};

/** A handler of HTTP requests that passes on what is not its own. */
export type HttpHandler = (request: IncomingMessage, response: ServerResponse, next?: () => void) => void;

/** WHIP ingest: `handle` answers `/whip` and all below it. */
export interface WhipIngest {
  readonly handle: HttpHandler;
  /** Publishers that are connected or about to. */
  readonly size: number;
  /** Sends every publisher away. Idempotent. */
  close(): Promise<void>;
}

/** Opens WHIP on a transport. */
export function startWhip({ rtc, policy, registry, log, metrics, clock = systemClock, monotonic = monotonicClock, signalling = {} }: WhipOptions): WhipIngest {
  const { basePath = '' } = signalling;
  const factory = new WhipFactory({ rtc, policy, registry, clock, monotonic, log, metrics: whipMetrics(metrics), basePath });
  const endpoint = new SignallingEndpoint({ protocol: 'whip', factory, log, ...signalling });
  return {
    handle: (request, response, next) => {
      if (!answerHealth(request, response, basePath, (id) => factory.session(id))) {
        endpoint.handle(request, response, next);
      }
    },
    get size() {
      return endpoint.size;
    },
    close: () => endpoint.close(),
  };
}
