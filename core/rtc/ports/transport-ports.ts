import type { Millis } from '../../media/time.ts';
import type { EgressCounts } from '../egress/datagram-egress.ts';
import type { Origin } from '../peer-router.ts';
import type { CountedSeats } from '../workers/seats.ts';
import type { PeerLink } from './peer-link.ts';

/** What comes through the ports, and what they ask of the transport that stands behind them. */
export interface PortEvents {
  /** A packet. `bytes` are the receiver's to read until it returns. */
  packet(bytes: Buffer, origin: Origin, protocol: 'udp' | 'tcp'): void;
  /** A TCP connection has ended. */
  gone(key: string): void;
  /** Packets found a TCP connection's queue full. */
  dropped(packets: number): void;
  /** A TCP connection was not taken. */
  refused(): void;
  /** The time of deadlines. */
  now(): Millis;
  /** Whether a session of this thread has this user name, or this address. */
  knowsUser(username: string): boolean;
  knowsAddress(key: string): boolean;
  /** The address is no session's of this thread any more: it has proven to be another thread's. */
  surrender(key: string): void;
}

/** Where a transport's packets come from and go to: sockets, or the thread that has them. */
export interface TransportPorts {
  /** The UDP port's number, ... */
  readonly port: number;
  /** ... TCP's, where there is one, and the connections that are open on it here. */
  readonly tcpPort: number | undefined;
  readonly tcpConnections: number;
  /** What the UDP socket's sending half has counted. */
  readonly egressCounts: EgressCounts;
  /** For worker threads that share the ports; absent where these are a worker's. */
  readonly seats?: CountedSeats;
  /** A verified request came over this address. */
  verified(link: PeerLink): void;
  /** The address has become a session's. */
  adopted(link: PeerLink): void;
  /** It is that session's no more. */
  left(link: PeerLink): void;
  /** Ends what has waited too long. */
  tick(now: Millis): void;
  close(): Promise<void>;
}

/** Opens a transport's ports. */
export type OpenPorts = (events: PortEvents) => TransportPorts;
