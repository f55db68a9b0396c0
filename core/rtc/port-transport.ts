import type { Millis } from '../media/time.ts';
import { MillraceError } from '../runtime/errors.ts';
import type { Logger } from '../runtime/log.ts';
import type { RtcCertificate } from './dtls/certificate.ts';
import { isUsableFingerprint } from './dtls/fingerprint.ts';
import type { EgressCounts } from './egress/datagram-egress.ts';
import { candidatesFor } from './ice/candidates.ts';
import { areUsableCredentials, iceCharOf } from './ice/credentials.ts';
import type { ReachableAddresses } from './ice/reachable-addresses.ts';
import type { RtcCounters, RefusalReason } from './metrics.ts';
import type { MonotonicClock } from './monotonic.ts';
import type { RtcConfig } from './options.ts';
import { PacketBatch } from './packet-batch.ts';
import { PeerRouter, type Origin } from './peer-router.ts';
import type { OpenPorts, PortEvents, TransportPorts } from './ports/transport-ports.ts';
import { Session, type SessionHost, type SessionPath } from './session.ts';
import { SessionTable } from './session-table.ts';
import { Sweeper } from './sweeper.ts';
import type { CountedSeats } from './workers/seats.ts';
import type { Candidate, CloseReason, Fingerprint, PeerParameters, RtcSession, RtcTransport, SessionHandler } from './transport.ts';

/** What the transport is made of. */
export type PortTransportOptions = {
  readonly config: Pick<RtcConfig, 'maxRtcSessions' | 'rtcFastPath'>;
  readonly log: Logger;
  readonly clock: MonotonicClock;
  readonly counters: RtcCounters;
  readonly certificate: RtcCertificate;
  readonly addresses: Pick<ReachableAddresses, 'current' | 'refresh'>;
  readonly openPorts: OpenPorts;
  /** Which worker thread this is; 0, the default, is the thread with the sockets. */
  readonly number?: number;
};

/** A session nobody has called on may be given up for a new one after this: an answer's first check comes within a few round trips. */
const UNHEARD_MILLIS = 2000;
/** One that was called on, but is still not through, after this: a browser needs a second. */
const SLOW_MILLIS = 10_000;
/** How many of the oldest are looked at for one to give up. */
const LOOKED_AT = 64;
const MAX_FINGERPRINTS = 8;
/** Names and interfaces are looked up again this often. */
const REFRESH_MILLIS = 60_000;

/** {@link RtcTransport} on ports that many sessions share. */
export class PortTransport implements RtcTransport {
  readonly batch = new PacketBatch();
  readonly closed: Promise<void>;
  readonly #options: PortTransportOptions;
  readonly #table = new SessionTable();
  readonly #router: PeerRouter;
  readonly #host: SessionHost;
  readonly #ports: TransportPorts;
  readonly #sweeper: Sweeper;
  readonly #end = Promise.withResolvers<void>();
  #isClosing = false;
  #refreshedAt: Millis;

  constructor(options: PortTransportOptions) {
    const { clock, counters, number = 0 } = options;
    this.#options = options;
    this.closed = this.#end.promise;
    this.#refreshedAt = clock();
    this.#sweeper = new Sweeper(clock, (now) => this.#sweep(now));
    this.#router = new PeerRouter({
      table: this.#table,
      counters,
      number,
      trusted: (link) => this.#ports.verified(link),
      adopted: (link) => this.#ports.adopted(link),
    });
    this.#host = this.#sessionHost();
    this.#ports = options.openPorts(this.#portEvents());
  }

  get port(): number {
    return this.#ports.port;
  }

  get seats(): CountedSeats | undefined {
    return this.#ports.seats;
  }

  get fingerprint(): Fingerprint {
    return this.#options.certificate.fingerprint;
  }

  get candidates(): readonly Candidate[] {
    return candidatesFor(this.#options.addresses.current, this.#ports.port, this.#ports.tcpPort);
  }

  get counts(): RtcTransport['counts'] {
    return { connecting: this.#table.connecting.size, connected: this.#table.connected.size };
  }

  /** Open TCP connections. */
  get tcpConnections(): number {
    return this.#ports.tcpConnections;
  }

  /** What the UDP socket's sending half has counted. */
  get egressCounts(): EgressCounts {
    return this.#ports.egressCounts;
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
      setImmediate(() => void this.#ports.close().then(() => this.#end.resolve()));
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

  #portEvents(): PortEvents {
    const { counters } = this.#options;
    return {
      packet: (bytes, origin, protocol) => this.#receive(bytes, origin, protocol),
      gone: (key) => this.#addressGone(key),
      surrender: (key) => this.#addressGone(key),
      dropped: (packets) => {
        counters.dropped['queue-full'] += packets;
      },
      refused: () => {
        counters.refused['tcp-connections'] += 1;
      },
      now: () => this.#sweeper.now(),
      knowsUser: (username) => this.#table.byUsername(username) !== undefined,
      knowsAddress: (key) => this.#table.path(key) !== undefined,
    };
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

  /** Nothing reaches any session there any more: a connection that ended, an address that is another thread's. */
  #addressGone(key: string): void {
    const path = this.#table.path(key);
    if (path !== undefined) {
      this.#table.removePath(path);
      path.owner.dropPath(path);
    }
  }

  #sweep(now: Millis): void {
    this.#table.connecting.forEach((session) => session.tick(now));
    this.#table.connected.forEach((session) => session.tick(now));
    this.#ports.tick(now);
    if (now - this.#refreshedAt >= REFRESH_MILLIS) {
      this.#refreshedAt = now;
      void this.#options.addresses.refresh();
    }
  }

  #sessionHost(): SessionHost {
    const { certificate, config, counters, log, number = 0 } = this.#options;
    return {
      ufragPrefix: number === 0 ? '' : (iceCharOf(number) ?? ''),
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
    this.#ports.left(path.link);
  }

  #forget(session: Session, reason: CloseReason): void {
    this.#options.counters.closed[reason] += 1;
    this.#router.forget(session);
    this.#table.remove(session);
  }
}
