import type { Millis } from '../../media/time.ts';
import type { Logger } from '../../runtime/log.ts';
import type { EgressCounts } from '../egress/datagram-egress.ts';
import type { FastPath } from '../native/fast-path.ts';
import type { Origin } from '../peer-router.ts';
import { Forwarder } from '../workers/forwarder.ts';
import type { WorkerHost, CountedSeats } from '../workers/seats.ts';
import type { RtcSockets } from './open-sockets.ts';
import type { PeerLink } from './peer-link.ts';
import { TcpConnection } from './tcp-connection.ts';
import { TcpPort } from './tcp-port.ts';
import type { PortEvents, TransportPorts } from './transport-ports.ts';
import { udpKey, UdpPort } from './udp-port.ts';

/** What the ports are made of. */
export type SocketPortsOptions = {
  readonly sockets: RtcSockets;
  readonly fastPath: FastPath;
  readonly log: Logger;
  /** TCP connections in all. */
  readonly maxConnections: number;
  /** What worker threads are told. */
  readonly workers: WorkerHost;
};

/** One UDP socket and one TCP server of the same number, shared with the worker threads there may be. */
export class SocketPorts implements TransportPorts {
  readonly #events: PortEvents;
  readonly #udp: UdpPort;
  readonly #tcp: TcpPort | undefined;
  readonly #forwarder: Forwarder;

  constructor({ sockets, fastPath, log, maxConnections, workers }: SocketPortsOptions, events: PortEvents) {
    this.#events = events;
    this.#udp = new UdpPort(sockets.udp, {
      fastPath,
      log,
      datagram: (bytes, from) => this.#receive(bytes, { key: udpKey(from), link: () => this.#udp.link(from) }, 'udp'),
    });
    this.#tcp =
      sockets.tcp === undefined
        ? undefined
        : new TcpPort(sockets.tcp, {
            log,
            now: () => events.now(),
            maxConnections,
            frame: (connection, bytes) => this.#receive(bytes, { key: connection.key, link: () => connection }, 'tcp'),
            closed: ({ key }) => {
              this.#forwarder.gone(key);
              events.gone(key);
            },
            dropped: (packets) => events.dropped(packets),
            refused: () => events.refused(),
          });
    this.#forwarder = new Forwarder({
      host: workers,
      events,
      socket: sockets.udp,
      fastPath,
      ports: { udp: this.#udp.port, tcp: this.#tcp?.port },
      udpLink: (address) => this.#udp.link(address),
      verified: (link) => this.verified(link),
      left: (link) => this.#release(link),
    });
  }

  get port(): number {
    return this.#udp.port;
  }

  get tcpPort(): number | undefined {
    return this.#tcp?.port;
  }

  get tcpConnections(): number {
    return this.#tcp?.connections ?? 0;
  }

  get egressCounts(): EgressCounts {
    return this.#udp.egress.counts;
  }

  get seats(): CountedSeats {
    return this.#forwarder;
  }

  verified(link: PeerLink): void {
    if (link instanceof TcpConnection) {
      this.#tcp?.trust(link);
    }
  }

  adopted({ key }: PeerLink): void {
    this.#forwarder.adoptedAtHome(key);
  }

  left(link: PeerLink): void {
    this.#release(link);
  }

  tick(now: Millis): void {
    this.#tcp?.tick(now);
    this.#forwarder.tick();
  }

  async close(): Promise<void> {
    // Threads send on the socket's descriptor: they let go of it before it becomes that of another file.
    await this.#forwarder.close();
    await Promise.all([this.#udp.close(), this.#tcp?.close()]);
  }

  #receive(bytes: Buffer, origin: Origin, protocol: 'udp' | 'tcp'): void {
    const where = this.#forwarder.place(bytes, origin, protocol);
    if (where === 'home') {
      this.#events.packet(bytes, origin, protocol);
    } else if (where === 'home-foreign') {
      this.#events.packet(bytes, { ...origin, isForeign: true }, protocol);
    }
  }

  #release(link: PeerLink): void {
    if (link instanceof TcpConnection) {
      this.#tcp?.release(link);
    }
  }
}
