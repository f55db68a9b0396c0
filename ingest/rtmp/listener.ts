import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type Server as TlsServer, type TlsOptions } from 'node:tls';

import { addressGroup } from '#core/access/address-group.ts';
import { millis } from '#core/media/time.ts';
import { MillraceError, messageOf } from '#core/runtime/errors.ts';

import { RtmpConnection } from './connection.ts';
import type { RtmpConfig } from './options.ts';
import type { SessionOptions } from './session.ts';

/** What a listener needs: what its sessions need, and where to listen. */
export type RtmpListenerOptions = Omit<SessionOptions, 'wire' | 'address' | 'config'> & {
  readonly config: SessionOptions['config'] & Pick<RtmpConfig, 'rtmpMaxConnectionsPerAddress' | 'rtmpMaxConnections'>;
  readonly host: string;
  readonly port: number;
  /** A bound socket to listen on in place of host and port. */
  readonly fd?: number | undefined;
  /** Certificate and key in PEM: with them the listener speaks RTMPS. */
  readonly tls?: Pick<TlsOptions, 'cert' | 'key'>;
  /** Connections of this and of further listeners, which count together. */
  readonly census: ConnectionCensus;
};

/** A listener that is open. */
export interface RtmpListener {
  /** The port it really listens on. */
  readonly port: number;
  /** Takes nobody new, tells publishers, and settles when every socket is gone, after a second at the latest. Idempotent. */
  close(): Promise<void>;
}

/** Counts connections by address; all of an IPv6 subscriber's count as one. */
export class ConnectionCensus {
  readonly #byGroup = new Map<string, number>();
  #all = 0;

  /** Counts one in, or says which limit forbids it. */
  enter(address: string, limits: Pick<RtmpConfig, 'rtmpMaxConnectionsPerAddress' | 'rtmpMaxConnections'>): 'connections' | 'connections-per-address' | undefined {
    const group = addressGroup(address);
    const held = this.#byGroup.get(group) ?? 0;
    if (this.#all >= limits.rtmpMaxConnections) {
      return 'connections';
    }
    if (held >= limits.rtmpMaxConnectionsPerAddress) {
      return 'connections-per-address';
    }
    this.#byGroup.set(group, held + 1);
    this.#all += 1;
    return undefined;
  }

  /** Counts one out. */
  leave(address: string): void {
    const group = addressGroup(address);
    const held = this.#byGroup.get(group) ?? 0;
    this.#all -= 1;
    if (held > 1) {
      this.#byGroup.set(group, held - 1);
    } else {
      this.#byGroup.delete(group);
    }
  }
}

const TICK_MILLIS = 500;
/** A tick counts for no more than this: a process that was stopped for a minute has not heard its publishers' bytes yet. */
const MAX_TICK_MILLIS = 2000;
/** Time for the last status messages when the listener closes. */
const CLOSE_MILLIS = 1000;
const IPV4_MAPPED = '::ffff:';

/** Makes an RTMP or, with a certificate, an RTMPS listener. */
export function createRtmpListener(options: RtmpListenerOptions): { listen(): Promise<RtmpListener> } {
  return { listen: () => listen(options) };
}

async function listen(options: RtmpListenerOptions): Promise<RtmpListener> {
  const { protocol, metrics, config, census } = options;
  const sockets = new Set<Socket>();
  const connections = new Set<RtmpConnection>();

  const begin = (socket: Socket, address: string): void => {
    const connection = new RtmpConnection(socket, { ...options, address });
    connections.add(connection);
    socket.once('close', () => connections.delete(connection));
  };
  const tlsServer = options.tls === undefined ? undefined : createSecureServer(options.tls, config.rtmpHandshakeTimeout, begin);
  const server = createServer((socket) => {
    const address = addressOf(socket);
    const refusal = census.enter(address, config);
    if (refusal !== undefined) {
      metrics.refused.inc({ reason: refusal });
      options.log.debug({ address, reason: refusal }, 'RTMP connection turned away');
      socket.destroy();
      return;
    }
    sockets.add(socket);
    metrics.connections.inc({ protocol });
    // Until a session or TLS listens: an error that nobody listens to would end the process.
    socket.on('error', () => socket.destroy());
    socket.once('close', () => {
      sockets.delete(socket);
      metrics.connections.dec({ protocol });
      census.leave(address);
    });
    if (tlsServer === undefined) {
      begin(socket, address);
    } else {
      tlsServer.emit('connection', socket);
    }
  });
  await open(server, options);
  server.on('error', (error) => options.log.error({ err: error }, 'RTMP listener failed'));

  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    const passed = millis(Math.min(now - last, MAX_TICK_MILLIS));
    last = now;
    connections.forEach((connection) => connection.tick(passed));
  }, TICK_MILLIS);
  timer.unref();

  let closing: Promise<void> | undefined;
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      closing ??= close(server, connections, sockets).finally(() => clearInterval(timer));
      return closing;
    },
  };
}

function createSecureServer(tls: Pick<TlsOptions, 'cert' | 'key'>, handshakeSeconds: number, begin: (socket: Socket, address: string) => void): TlsServer {
  let server;
  try {
    server = createTlsServer({ ...tls, handshakeTimeout: handshakeSeconds * 1000 });
  } catch (error) {
    throw new MillraceError('ingest/bad-certificate', `The certificate (tlsCert) and its key (tlsKey) cannot be used for RTMPS: ${messageOf(error)}.`, { cause: error });
  }
  server.on('secureConnection', (socket) => begin(socket, addressOf(socket)));
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  return server;
}

function open(server: Server, { host, port, fd, protocol }: RtmpListenerOptions): Promise<void> {
  const attempt = (at: string): Promise<void> =>
    new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(fd === undefined ? { host: at, port } : { fd }, () => {
        server.off('error', reject);
        resolve();
      });
    });
  return attempt(host)
    .catch((error: NodeJS.ErrnoException) => {
      // A machine without IPv6 has no `::`.
      if (host === '::' && (error.code === 'EAFNOSUPPORT' || error.code === 'EADDRNOTAVAIL')) {
        return attempt('0.0.0.0');
      }
      throw error;
    })
    .catch((error: NodeJS.ErrnoException) => {
      throw fd === undefined ? listenError(error, host, port, protocol) : socketError(error, fd, protocol);
    });
}

function listenError(error: NodeJS.ErrnoException, host: string, port: number, protocol: 'rtmp' | 'rtmps'): MillraceError {
  const name = protocol.toUpperCase();
  const option = `${protocol}Port (MILLRACE_${name}_PORT)`;
  const details = { host, port };
  switch (error.code) {
    case 'EADDRINUSE':
      return new MillraceError('ingest/port-in-use', `The ${name} port ${port} is taken by another program: stop it, or set ${option} to a free port.`, { cause: error, details });
    case 'EACCES':
      return new MillraceError('ingest/port-denied', `The ${name} port ${port} may not be opened by this user: set ${option} to a port above 1023.`, { cause: error, details });
    default:
      return new MillraceError('ingest/listen-failed', `The ${name} listener cannot be opened on ${host}, port ${port}: ${error.message}.`, { cause: error, details });
  }
}

function socketError(error: NodeJS.ErrnoException, fd: number, protocol: 'rtmp' | 'rtmps'): MillraceError {
  const message = `The socket for ${protocol} that was handed over as file descriptor ${fd} cannot be listened on: ${error.message}.`;
  return new MillraceError('ingest/listen-failed', message, { cause: error, details: { fd } });
}

async function close(server: Server, connections: ReadonlySet<RtmpConnection>, sockets: ReadonlySet<Socket>): Promise<void> {
  const gone = new Promise<void>((resolve) => server.close(() => resolve()));
  connections.forEach((connection) => connection.session.close('The server is stopping.'));
  const timer = setTimeout(() => {
    connections.forEach((connection) => connection.destroy());
    sockets.forEach((socket) => socket.destroy());
  }, CLOSE_MILLIS);
  await gone;
  clearTimeout(timer);
}

/** A socket's remote address, IPv4 in its own form. */
function addressOf(socket: Socket): string {
  const address = socket.remoteAddress ?? '';
  return address.startsWith(IPV4_MAPPED) ? address.slice(IPV4_MAPPED.length) : address;
}
