import type { RemoteInfo } from 'node:dgram';

import type { Millis } from '../media/time.ts';
import { MillraceError } from '../runtime/errors.ts';
import type { Logger } from '../runtime/log.ts';
import type { RtcCertificate } from './dtls/certificate.ts';
import { isUsableFingerprint } from './dtls/fingerprint.ts';
import type { EgressCounts } from './egress/datagram-egress.ts';
import { candidatesFor } from './ice/candidates.ts';
import { areUsableCredentials } from './ice/credentials.ts';
import type { ReachableAddresses } from './ice/reachable-addresses.ts';
import type { RtcCounters, RefusalReason } from './metrics.ts';
import type { MonotonicClock } from './monotonic.ts';
import type { RtcConfig } from './options.ts';
import { PacketBatch } from './packet-batch.ts';
import { PeerRouter, type Origin } from './peer-router.ts';
import type { RtcSockets } from './ports/open-sockets.ts';
import { TcpConnection } from './ports/tcp-connection.ts';
import { TcpPort } from './ports/tcp-port.ts';
import { udpKey, UdpPort } from './ports/udp-port.ts';
import { Session, type SessionHost, type SessionPath } from './session.ts';
import { SessionTable } from './session-table.ts';
import { Sweeper } from './sweeper.ts';
import type { Candidate, CloseReason, Fingerprint, PeerParameters, RtcSession, RtcTransport, SessionHandler } from './transport.ts';

/** What the transport is made of. */
export type PortTransportOptions = {
  readonly config: RtcConfig;
  readonly log: Logger;
  readonly clock: MonotonicClock;
  readonly counters: RtcCounters;
  readonly certificate: RtcCertificate;
  readonly addresses: ReachableAddresses;
  readonly sockets: RtcSockets;
};

/** A session nobody has called on may be given up for a new one after this: an answer's first check comes within a few round trips. */
const UNHEARD_MILLIS = 2000;
/** One that was called on, but is still not through, after this: a browser needs a second. */
const SLOW_MILLIS = 10_000;
/** How many of the oldest are looked at for one to give up. */
const LOOKED_AT = 64;
/** TCP connections beyond one for each session: those that prove nothing yet. */
const SPARE_CONNECTIONS = 256;
const MAX_FINGERPRINTS = 8;
/** Names and interfaces are looked up again this often. */
const REFRESH_MILLIS = 60_000;

/** {@link RtcTransport} on one UDP socket and one TCP server. */
export class PortTransport implements RtcTransport {
  readonly batch = new PacketBatch();
  readonly closed: Promise<void>;
  readonly #options: PortTransportOptions;
  readonly #table = new SessionTable();
  readonly #router: PeerRouter;
  readonly #host: SessionHost;
  readonly #udp: UdpPort;
  readonly #tcp: TcpPort | undefined;
  readonly #sweeper: Sweeper;
  readonly #end = Promise.withResolvers<void>();
  #isClosing = false;
  #refreshedAt: Millis;

  constructor(options: PortTransportOptions) {
    const { config, log, clock, counters, sockets } = options;
    this.#options = options;
    this.closed = this.#end.promise;
    this.#refreshedAt = clock();
    this.#sweeper = new Sweeper(clock, (now) => this.#sweep(now));
    this.#router = new PeerRouter({ table: this.#table, counters, trusted: (link) => (link instanceof TcpConnection ? this.#tcp?.trust(link) : undefined) });
    this.#host = this.#sessionHost();
    this.#udp = new UdpPort(sockets.udp, { fastPath: config.rtcFastPath, log, datagram: (bytes, from) => this.#datagram(bytes, from) });
    this.#tcp =
      sockets.tcp === undefined
        ? undefined
        : new TcpPort(sockets.tcp, {
            log,
            now: () => this.#sweeper.now(),
            maxConnections: config.maxRtcSessions + SPARE_CONNECTIONS,
            frame: (connection, bytes) => this.#receive(bytes, { key: connection.key, link: () => connection }, 'tcp'),
            closed: (connection) => this.#connectionClosed(connection),
            dropped: (packets) => {
              counters.dropped['queue-full'] += packets;
            },
            refused: () => {
              counters.refused['tcp-connections'] += 1;
            },
          });
  }

  get port(): number {
    return this.#udp.port;
  }

  get fingerprint(): Fingerprint {
    return this.#options.certificate.fingerprint;
  }

  get candidates(): readonly Candidate[] {
    return candidatesFor(this.#options.addresses.current, this.#udp.port, this.#tcp?.port);
  }

  get counts(): RtcTransport['counts'] {
    return { connecting: this.#table.connecting.size, connected: this.#table.connected.size };
  }

  /** Open TCP connections. */
  get tcpConnections(): number {
    return this.#tcp?.connections ?? 0;
  }

  /** What the UDP socket's sending half has counted. */
  get egressCounts(): EgressCounts {
    return this.#udp.egress.counts;
  }

  open(peer: PeerParameters, handler: SessionHandler): RtcSession {
    if (this.#isClosing) {
      throw this.#refusal('stopping', 'The server is stopping.');
    }
    const { ice, fingerprints } = peer;
    if (!areUsableCredentials(ice)) {
      throw this.#refusal('bad-peer', 'The peer\'s ICE credentials are not of the form that RFC 8839 gives them.');
    }
    if (fingerprints.length > MAX_FINGERPRINTS || !fingerprints.some(isUsableFingerprint)) {
      throw this.#refusal('bad-peer', 'The peer announced no certificate fingerprint that can be checked: sha-256, sha-384 or sha-512 is needed.');
    }
    if (!this.#makeRoom()) {
      throw this.#refusal('too-many-sessions', 'The server has as many WebRTC sessions as it takes.');
    }
    const session = new Session(peer, handler, this.#host);
    this.#table.add(session);
    return session;
  }

  close(): Promise<void> {
    if (!this.#isClosing) {
      this.#isClosing = true;
      this.#sweeper.close();
      [...this.#table.connecting, ...this.#table.connected].forEach((session) => session.close('transport-closed'));
      // The last datagrams are with the kernel a turn later.
      setImmediate(() => void Promise.all([this.#udp.close(), this.#tcp?.close()]).then(() => this.#end.resolve()));
    }
    return this.closed;
  }

  /**
   * Half of all sessions may be waiting for their peers. Where that many do, or the server is full, the oldest that nobody has called on,
   * or that is far too slow, gives way: whoever opens sessions and never comes holds up nobody who does.
   */
  #makeRoom(): boolean {
    const { maxRtcSessions } = this.#options.config;
    const { connecting, connected } = this.#table;
    const isFull = (): boolean => connecting.size >= Math.max(1, Math.ceil(maxRtcSessions / 2)) || connecting.size + connected.size >= maxRtcSessions;
    if (!isFull()) {
      return true;
    }
    const now = this.#sweeper.now();
    let looked = 0;
    for (const session of connecting) {
      looked += 1;
      const age = now - session.openedAt;
      if (looked > LOOKED_AT || age < UNHEARD_MILLIS) {
        break;
      }
      if (!session.isHeard || age >= SLOW_MILLIS) {
        session.close('connect-timeout');
        break;
      }
    }
    return !isFull();
  }

  #refusal(reason: RefusalReason, message: string): MillraceError {
    this.#options.counters.refused[reason] += 1;
    return new MillraceError(`rtc/${reason}`, message);
  }

  #datagram(bytes: Buffer, from: RemoteInfo): void {
    this.#receive(bytes, { key: udpKey(from), link: () => this.#udp.link(from) }, 'udp');
  }

  #receive(bytes: Buffer, origin: Origin, protocol: 'udp' | 'tcp'): void {
    const { counters, log } = this.#options;
    const received = counters.received[protocol];
    received.packets += 1;
    received.bytes += bytes.length;
    try {
      const arrival = this.#options.clock();
      this.#router.receive(bytes, origin, this.#sweeper.forgiving(arrival), arrival);
    } catch (error) {
      // Whatever one packet does, the next one is somebody else's.
      counters.dropped['handler-failed'] += 1;
      log.error({ err: error }, 'a WebRTC packet could not be handled');
    }
  }

  #connectionClosed(connection: TcpConnection): void {
    const path = this.#table.path(connection.key);
    if (path !== undefined) {
      this.#table.removePath(path);
      path.owner.dropPath(path);
    }
  }

  #sweep(now: Millis): void {
    this.#table.connecting.forEach((session) => session.tick(now));
    this.#table.connected.forEach((session) => session.tick(now));
    this.#tcp?.tick(now);
    if (now - this.#refreshedAt >= REFRESH_MILLIS) {
      this.#refreshedAt = now;
      void this.#options.addresses.refresh();
    }
  }

  #sessionHost(): SessionHost {
    const { certificate, config, counters, log } = this.#options;
    return {
      certificate,
      counters,
      log,
      fastPath: config.rtcFastPath,
      now: () => this.#sweeper.now(),
      restarted: (session, retired) => {
        counters.restarts += 1;
        if (retired !== undefined) {
          this.#table.removeUfrag(retired);
        }
        this.#table.addUfrag(session);
      },
      connected: (session) => this.#table.setConnected(session),
      check: (session, path) => this.#router.check(session, path, this.#sweeper.now()),
      leave: (path) => this.#leave(path),
      forget: (session, reason) => this.#forget(session, reason),
    };
  }

  #leave(path: SessionPath): void {
    this.#table.removePath(path);
    if (path.link instanceof TcpConnection) {
      this.#tcp?.release(path.link);
    }
  }

  #forget(session: Session, reason: CloseReason): void {
    this.#options.counters.closed[reason] += 1;
    this.#router.forget(session);
    this.#table.remove(session);
  }
}
