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
import { SocketPorts } from './ports/socket-ports.ts';
import type { RtcTransport } from './transport.ts';
import { addCounts } from './workers/counts.ts';
import type { WorkerCounts } from './workers/seats.ts';

/** What the transport needs. */
export type RtcTransportOptions = {
  readonly config: RtcConfig;
  readonly log: Logger;
  readonly metrics: Registry;
  /** Default: the process's monotonic clock. */
  readonly clock?: MonotonicClock;
  readonly sockets?: RtcSockets;
};

/** TCP connections beyond one for each session: those that prove nothing yet. */
const SPARE_CONNECTIONS = 256;

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
  const workers = { config, certificate, addresses: () => addresses.current };
  const maxConnections = config.maxRtcSessions + SPARE_CONNECTIONS;
  const transport = new PortTransport({
    config,
    log,
    clock,
    counters,
    certificate,
    addresses,
    openPorts: (events) => new SocketPorts({ sockets: bound, fastPath: config.rtcFastPath, log, maxConnections, workers }, events),
  });
  registerRtcMetrics(metrics, {
    counts: () => {
      const { dropped, calls } = transport.egressCounts;
      const own: WorkerCounts = { counters, sessions: transport.counts, egress: { dropped, calls } };
      return transport.seats === undefined ? own : addCounts(own, transport.seats.counts);
    },
    tcpConnections: () => transport.tcpConnections,
  });
  return transport;
}
