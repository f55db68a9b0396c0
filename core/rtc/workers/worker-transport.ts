import type { MessagePort } from 'node:worker_threads';

import type { Logger } from '../../runtime/log.ts';
import { RtcCounters } from '../metrics.ts';
import { monotonicClock, type MonotonicClock } from '../monotonic.ts';
import { PortTransport } from '../port-transport.ts';
import type { RtcTransport, SeatSetup } from '../transport.ts';
import { FedPorts } from './fed-ports.ts';
import type { WorkerSetup } from './seats.ts';

/** What a worker's transport needs. */
export type WorkerTransportOptions = {
  /** The other end of the port that was given to `WorkerSeats.add`, and the setup that the seat has. */
  readonly port: MessagePort;
  readonly setup: SeatSetup;
  readonly log: Logger;
  readonly clock?: MonotonicClock;
};

/** A transport whose ports are another thread's: the same sessions, candidates and certificate. */
export function startWorkerTransport({ port, setup: given, log, clock = monotonicClock }: WorkerTransportOptions): RtcTransport {
  // Seats are made by the forwarder alone, with all of this.
  const setup = given as WorkerSetup;
  const counters = new RtcCounters();
  const addresses = { current: setup.addresses, refresh: () => Promise.resolve() };
  const transport: PortTransport = new PortTransport({
    config: setup.config,
    log,
    clock,
    counters,
    certificate: setup.certificate,
    addresses,
    number: setup.number,
    openPorts: (events) =>
      new FedPorts(
        {
          port,
          setup,
          addresses: (current) => {
            addresses.current = current;
          },
          counts: () => ({ counters: { ...counters }, sessions: transport.counts, egress: { dropped: transport.egressCounts.dropped, calls: transport.egressCounts.calls } }),
        },
        events,
      ),
  });
  return transport;
}
