import type { Socket } from 'node:dgram';
import type { Server } from 'node:net';

import type { Registry } from 'prom-client';

import type { Logger } from '../runtime/log.ts';
import { monotonicClock, type MonotonicClock } from './monotonic.ts';
import type { RtcConfig } from './options.ts';
import type { RtcTransport } from './transport.ts';

/** Sockets that are already bound, for a process that is given its port. */
export type RtcSockets = { readonly udp: Socket; readonly tcp?: Server };

/** What the transport needs. */
export type RtcTransportOptions = {
  readonly config: RtcConfig;
  readonly log: Logger;
  readonly metrics: Registry;
  /** Default: the process's monotonic clock. */
  readonly clock?: MonotonicClock;
  readonly sockets?: RtcSockets;
};

/**
 * Opens the WebRTC port and waits for peers.
 *
 * @throws {MillraceError} `rtc/port-in-use`, `rtc/port-denied`, `rtc/listen-failed`.
 */
export function startRtcTransport({ config, clock = monotonicClock }: RtcTransportOptions): Promise<RtcTransport> {
  return Promise.reject(new Error(`not yet: ${config.webrtcPort} ${clock()}`));
}
