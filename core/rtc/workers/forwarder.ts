import type { Socket } from 'node:dgram';
import type { MessagePort } from 'node:worker_threads';

import { MillraceError } from '../../runtime/errors.ts';
import { descriptorOf, type DatagramAddress } from '../egress/datagram-egress.ts';
import { numberOfIceChar } from '../ice/credentials.ts';
import { parseStun } from '../ice/stun-message.ts';
import type { FastPath } from '../native/fast-path.ts';
import type { Origin } from '../peer-router.ts';
import { datagramKind } from '../ports/demultiplex.ts';
import type { PeerLink } from '../ports/peer-link.ts';
import type { PortEvents } from '../ports/transport-ports.ts';
import { addressOfKey } from '../ports/udp-port.ts';
import type { WorkerSeat } from '../transport.ts';
import { addCounts, noCounts } from './counts.ts';
import { Seat } from './seat.ts';
import type { CountedSeats, WorkerCounts, WorkerHost, WorkerSetup } from './seats.ts';

/** One ice-char tells which worker; the first stands for none. */
const MAX_WORKERS = 63;

/** What the forwarder works on. */
export type ForwarderOptions = {
  readonly host: WorkerHost;
  readonly events: Pick<PortEvents, 'knowsUser' | 'knowsAddress' | 'surrender' | 'dropped'>;
  readonly socket: Socket;
  readonly fastPath: FastPath;
  readonly ports: WorkerSetup['ports'];
  readonly udpLink: (address: DatagramAddress) => PeerLink;
  /** A worker verified a request that came over this connection, ... */
  readonly verified: (link: PeerLink) => void;
  /** ... and needs it no more. */
  readonly left: (link: PeerLink) => void;
};

/** Where a packet belongs: to a session of this thread, to one that must first prove that an address became its own, or to a worker, who has it now. */
export type Place = 'home' | 'home-foreign' | 'away';

/**
 * Shares the ports with worker threads. A check goes to the worker that its user name's ufrag begins with, an answer to the one that
 * its transaction began with; everything else goes where a verified check from the same address led. That is for the workers to
 * say: no packet by itself changes where the next one goes.
 */
export class Forwarder implements CountedSeats {
  readonly #options: ForwarderOptions;
  readonly #seats = new Map<number, Seat>();
  /** By the addresses of workers' sessions. A worker has at most `maxRtcSessions` of them, with at most 8 addresses each. */
  readonly #owners = new Map<string, Seat>();
  /** TCP connections of which a packet went to a worker, while they are open. */
  readonly #connections = new Map<string, PeerLink>();
  #retired = noCounts();
  #isClosing = false;

  constructor(options: ForwarderOptions) {
    this.#options = options;
  }

  get counts(): WorkerCounts {
    return [...this.#seats.values()].reduce((sum, { counts }) => addCounts(sum, counts), this.#retired);
  }

  add(port: MessagePort): WorkerSeat {
    if (this.#isClosing) {
      throw new MillraceError('rtc/stopping', 'The server is stopping.');
    }
    const seat = new Seat(port, this.#setup(), {
      adopted: (key) => this.#adopted(key, seat),
      left: (key) => this.#left(key, seat),
      verified: (key) => this.#withConnection(key, this.#options.verified),
      send: (key, bytes) => void this.#link(key)?.sendOne(bytes),
      dropped: (packets) => this.#options.events.dropped(packets),
      removed: () => this.#removed(seat),
    });
    this.#seats.set(seat.setup.number, seat);
    return seat;
  }

  /** Tells where a packet belongs, and sends it there where that is a worker. */
  place(bytes: Buffer, origin: Origin, protocol: 'udp' | 'tcp'): Place {
    if (this.#seats.size === 0) {
      return 'home';
    }
    const owner = this.#owners.get(origin.key);
    const seat = datagramKind(bytes) === 'stun' ? this.#seatOfStun(bytes, owner) : owner;
    if (seat === undefined) {
      return owner === undefined ? 'home' : 'home-foreign';
    }
    if (protocol === 'tcp') {
      this.#connections.set(origin.key, origin.link());
    }
    seat.pipe.send(origin.key, bytes, owner === undefined ? this.#options.events.knowsAddress(origin.key) : owner !== seat);
    return 'away';
  }

  /** An address has become that of a session of this thread. */
  adoptedAtHome(key: string): void {
    this.#owners.get(key)?.surrender(key);
    this.#owners.delete(key);
  }

  /** A TCP connection has ended. */
  gone(key: string): void {
    this.#connections.delete(key);
    this.#owners.get(key)?.gone(key);
    this.#owners.delete(key);
  }

  /** Tells the workers what has changed. Call it now and then. */
  tick(): void {
    const addresses = this.#options.host.addresses();
    this.#seats.forEach((seat) => seat.tell(addresses));
  }

  /** Resolves when no worker sends on the socket any more. Idempotent. */
  async close(): Promise<void> {
    this.#isClosing = true;
    await Promise.all([...this.#seats.values()].map((seat) => seat.leave()));
    [...this.#seats.values()].forEach((seat) => seat.remove());
  }

  /** Undefined where it belongs to this thread. */
  #seatOfStun(bytes: Buffer, owner: Seat | undefined): Seat | undefined {
    const message = parseStun(bytes);
    switch (message?.class) {
      case 'request': {
        const { username } = message;
        if (username === undefined) {
          return owner;
        }
        return this.#options.events.knowsUser(username) ? undefined : this.#seats.get(numberOfIceChar(username.slice(0, 1)));
      }
      case 'success':
      case 'error':
        return this.#seats.get(message.transaction[0]!);
      default:
        return owner;
    }
  }

  #adopted(key: string, seat: Seat): void {
    if (isTcp(key) && !this.#connections.has(key)) {
      // It ended while the worker was judging its first packet.
      seat.gone(key);
      return;
    }
    const before = this.#owners.get(key);
    if (before !== seat) {
      before?.surrender(key);
      this.#options.events.surrender(key);
      this.#owners.set(key, seat);
      seat.keys.add(key);
    }
  }

  #left(key: string, seat: Seat): void {
    seat.keys.delete(key);
    if (this.#owners.get(key) === seat) {
      this.#owners.delete(key);
      this.#withConnection(key, this.#options.left);
    }
  }

  #removed(seat: Seat): void {
    [...seat.keys].forEach((key) => this.#left(key, seat));
    this.#seats.delete(seat.setup.number);
    this.#retired = addCounts(this.#retired, { ...seat.counts, sessions: { connecting: 0, connected: 0 } });
  }

  #withConnection(key: string, call: (link: PeerLink) => void): void {
    const connection = this.#connections.get(key);
    if (connection !== undefined) {
      call(connection);
    }
  }

  /** The address that a worker sends to through this thread. */
  #link(key: string): PeerLink | undefined {
    if (isTcp(key)) {
      return this.#connections.get(key);
    }
    return this.#options.udpLink(addressOfKey(key));
  }

  #setup(): WorkerSetup {
    const { host, socket, fastPath, ports } = this.#options;
    const number = Array.from({ length: MAX_WORKERS }, (_, at) => at + 1).find((free) => !this.#seats.has(free));
    if (number === undefined) {
      throw new MillraceError('rtc/too-many-workers', `The WebRTC port takes ${MAX_WORKERS} worker threads.`);
    }
    const { maxRtcSessions, rtcFastPath } = host.config;
    return {
      number,
      config: { maxRtcSessions, rtcFastPath },
      certificate: host.certificate,
      addresses: host.addresses(),
      ports,
      descriptor: fastPath === 'auto' ? descriptorOf(socket)?.() : undefined,
      family: socket.address().address.includes(':') ? 'udp6' : 'udp4',
    };
  }
}

/** Whether a key is that of a `TcpConnection`. */
function isTcp(key: string): boolean {
  return key.startsWith('tcp/');
}
