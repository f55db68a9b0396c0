import type { Registry } from 'prom-client';

import { systemClock } from '../media/time.ts';
import type { Logger } from '../runtime/log.ts';
import { keptCertificate } from './dtls/certificate.ts';
import { ReachableAddresses } from './ice/reachable-addresses.ts';
import { RtcCounters, registerRtcMetrics } from './metrics.ts';
import { monotonicClock, type MonotonicClock } from './monotonic.ts';
import type { RtcConfig } from './options.ts';
import { PortTransport } from './port-transport.ts';
import { openSockets, type RtcSockets } from './ports/open-sockets.ts';
import type { RtcTransport } from './transport.ts';

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
export async function startRtcTransport({ config, log, metrics, clock = monotonicClock, sockets }: RtcTransportOptions): Promise<RtcTransport> {
  const bound = sockets ?? (await openSockets(config.host, config.webrtcPort));
  const certificate = await keptCertificate(config.dataDir, systemClock(), log);
  const { address: host, family } = bound.udp.address();
  const addresses = new ReachableAddresses({ config: { ...config, host }, ipv6: family === 'IPv6', log });
  await addresses.start();
  const counters = new RtcCounters();
  const transport = new PortTransport({ config, log, clock, counters, certificate, addresses, sockets: bound });
  registerRtcMetrics(metrics, counters, { sessions: () => transport.counts, tcpConnections: () => transport.tcpConnections, egress: () => transport.egressCounts });
  return transport;
}
