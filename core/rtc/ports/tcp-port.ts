import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';

import { addressGroup } from '../../access/address-group.ts';
import type { Millis } from '../../media/time.ts';
import type { Logger } from '../../runtime/log.ts';
import { isFamilyMissing } from './listen-error.ts';
import { Strangers } from './strangers.ts';
import { TcpConnection } from './tcp-connection.ts';

/** Connections that have not shown a verified request yet, in all and from one address. */
const MAX_STRANGERS = 256;
const MAX_STRANGERS_PER_ADDRESS = 16;
/** Time for a verified request to come, and for a closed connection to take its last bytes. */
const STRANGER_MILLIS = 5000;

/** What the port needs. */
export type TcpPortOptions = {
  readonly log: Logger;
  readonly now: () => Millis;
  /** Connections in all. */
  readonly maxConnections: number;
  readonly frame: (connection: TcpConnection, bytes: Buffer) => void;
  readonly closed: (connection: TcpConnection) => void;
  /** Packets that were dropped because a connection's queue was full. */
  readonly dropped: (packets: number) => void;
  /** A connection was not taken, or gave way to another before it had proven anything. */
  readonly refused: () => void;
};

/** The TCP port of the same number, for networks that block UDP: passive ICE-TCP, RFC 6544. */
export class TcpPort {
  readonly port: number;
  readonly #server: Server;
  readonly #options: TcpPortOptions;
  readonly #connections = new Set<TcpConnection>();
  /** Those that must prove themselves, or be gone. */
  readonly #strangers = new Strangers<TcpConnection>({ inAll: MAX_STRANGERS, perGroup: MAX_STRANGERS_PER_ADDRESS });

  /** Takes over a listening server. */
  constructor(server: Server, options: TcpPortOptions) {
    this.#server = server;
    this.#options = options;
    this.port = (server.address() as AddressInfo).port;
    server.on('connection', (socket) => this.#accept(socket));
    server.on('error', (error) => options.log.warn({ err: error }, 'the WebRTC TCP port reports an error'));
  }

  /** Open connections. */
  get connections(): number {
    return this.#connections.size;
  }

  /** A verified request came over the connection: it may stay. */
  trust(connection: TcpConnection): void {
    this.#strangers.delete(connection);
  }

  /** The connection's session is over: what is written may still go out, for a while. */
  release(connection: TcpConnection): void {
    connection.close();
    if (this.#connections.has(connection) && !this.#strangers.has(connection)) {
      this.#estrange(connection);
    }
  }

  /** Ends those whose time is over. */
  tick(now: Millis): void {
    this.#strangers.since(now, STRANGER_MILLIS).forEach((connection) => connection.destroy());
  }

  /** Takes nobody new and ends every connection. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#connections.forEach((connection) => connection.close());
      // What has not left in one turn stays: the port is closing.
      setImmediate(() => this.#connections.forEach((connection) => connection.destroy()));
    });
  }

  #accept(socket: Socket): void {
    if (!this.#makeRoom(addressGroup(socket.remoteAddress ?? ''))) {
      socket.on('error', () => {});
      socket.destroy();
      this.#options.refused();
      return;
    }
    const connection = new TcpConnection(socket, {
      frame: this.#options.frame,
      dropped: this.#options.dropped,
      closed: () => {
        this.#forget(connection);
        this.#options.closed(connection);
      },
    });
    this.#connections.add(connection);
    this.#estrange(connection);
  }

  /** Connections that have proven nothing give way to a newcomer of this address, others never. */
  #makeRoom(group: string): boolean {
    const isFull = (): boolean => this.#connections.size >= this.#options.maxConnections;
    let inTheWay = this.#strangers.inTheWayOf(group, isFull());
    while (inTheWay !== undefined) {
      inTheWay.destroy();
      // At once: the socket tells only later that it has closed.
      this.#forget(inTheWay);
      this.#options.refused();
      inTheWay = this.#strangers.inTheWayOf(group, isFull());
    }
    return !isFull();
  }

  #estrange(connection: TcpConnection): void {
    this.#strangers.add(connection, addressGroup(connection.address), this.#options.now());
  }

  #forget(connection: TcpConnection): void {
    this.#connections.delete(connection);
    this.#strangers.delete(connection);
  }
}

/** Listens; a machine without IPv6 gets a socket of IPv4 where all addresses were meant. Rejects with the system's error. */
export async function listenTcp(address: string, port: number): Promise<Server> {
  try {
    return await listen(address, port);
  } catch (error) {
    if (address === '::' && isFamilyMissing(error)) {
      return listen('0.0.0.0', port);
    }
    throw error;
  }
}

function listen(host: string, port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.off('error', reject);
      resolve(server);
    });
  });
}
