import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { constants, createSecureServer, type Http2SecureServer, type ServerHttp2Session } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';

import type { Millis } from '#core/media/time.ts';
import { messageOf, MillraceError } from '#core/runtime/errors.ts';

import type { Connections } from './connections.ts';

/** Answers one request. */
export type RequestListener = (request: IncomingMessage, response: ServerResponse) => void;

/** Where a server listens, and what the option is called that says so: for the error message. */
export type ListenOptions = {
  readonly host: string;
  readonly port: number;
  readonly option: string;
  /** A bound socket to listen on in place of host and port. */
  readonly fd?: number | undefined;
  /** Whether other threads listen on the same port, each getting its part of the connections (SO_REUSEPORT). */
  readonly isShared?: boolean | undefined;
};

/** Connections that wait to be accepted: every viewer at once, after a restart. The system has a limit of its own (somaxconn). */
const BACKLOG = 4096;

/** A listening server. */
export interface OpenServer {
  readonly port: number;
  /** Takes no more connections and closes idle ones; gives the others so long to finish. Idempotent. */
  close(grace: Millis): Promise<void>;
}

const TIMEOUTS = {
  /** A request's head must be there after this time: against those who send a byte at a time. */
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  /** A player in the background comes back to its connection. */
  keepAliveTimeout: 65_000,
  connectionsCheckingInterval: 5000,
};

const LIMITS = { maxHeaderSize: 16 * 1024 };

/** A stream of HTTP/2 of which nothing moves for so long is reset. */
const STREAM_TIMEOUT = 60_000;

/**
 * Opens the HTTP/1.1 server.
 *
 * @throws {MillraceError} `edge/port-in-use`, `edge/listen`.
 */
export async function openHttp(listener: RequestListener, connections: Connections, where: ListenOptions): Promise<OpenServer> {
  const server = createServer({ ...TIMEOUTS, ...LIMITS, noDelay: true, keepAlive: true, optimizeEmptyRequests: true }, listener);
  server.on('connection', (socket) => connections.admit(socket));
  answerMalformed(server);
  const port = await listen(server, where);
  return { port, close: (grace) => closeServer(server, connections, grace) };
}

/**
 * Opens the HTTPS server: HTTP/2, and HTTP/1.1 for who cannot.
 *
 * @throws {MillraceError} `edge/tls` where certificate or key cannot be used; `edge/port-in-use`, `edge/listen`.
 */
export async function openHttps(
  listener: RequestListener,
  connections: Connections,
  where: ListenOptions,
  tls: { readonly cert: string; readonly key: string; /** Where several servers must read each other's session tickets. */ readonly ticketKeys?: Uint8Array | undefined },
): Promise<OpenServer> {
  let server: Http2SecureServer;
  try {
    server = createSecureServer({
      cert: readFileSync(tls.cert),
      key: readFileSync(tls.key),
      ...(tls.ticketKeys === undefined ? {} : { ticketKeys: Buffer.from(tls.ticketKeys) }),
      allowHTTP1: true,
      ...TIMEOUTS,
      ...LIMITS,
      handshakeTimeout: 10_000,
      maxSessionMemory: 16,
      settings: { maxConcurrentStreams: 100 },
    });
  } catch (error) {
    throw new MillraceError('edge/tls', `The TLS certificate or key cannot be used: ${messageOf(error)}. Check tlsCert and tlsKey.`, { cause: error });
  }
  const sessions = new Set<ServerHttp2Session>();
  // HTTP/2's compatibility API has the shape of HTTP/1.1's.
  server.on('request', (request, response) => listener(request as unknown as IncomingMessage, response as unknown as ServerResponse));
  server.on('connection', (socket: Socket) => connections.admit(socket));
  server.on('secureConnection', (socket) => connections.watch(socket));
  server.on('session', (session) => {
    sessions.add(session);
    session.setTimeout(2 * STREAM_TIMEOUT, () => session.close());
    session.once('close', () => sessions.delete(session));
    session.on('error', () => session.destroy());
  });
  server.on('stream', (stream) => {
    stream.setTimeout(STREAM_TIMEOUT, () => stream.close(constants.NGHTTP2_CANCEL));
    connections.watchStream(stream);
  });
  answerMalformed(server);
  const port = await listen(server, where);
  return {
    port,
    close: (grace) => {
      for (const session of sessions) {
        session.close();
      }
      return closeServer(server, connections, grace);
    },
  };
}

/** Answers what the parser refuses in the form of every other error. */
function answerMalformed(server: Server | Http2SecureServer): void {
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy();
      return;
    }
    const [status, code, message] = refusalOf(error.code);
    const body = `${JSON.stringify({ code, message })}\n`;
    socket.end(`HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`, () => socket.destroy());
  });
}

function refusalOf(code: string | undefined): readonly [status: string, code: string, message: string] {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return ['431 Request Header Fields Too Large', 'http/headers-too-large', 'The request line and headers may have 16 KiB.'];
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return ['408 Request Timeout', 'http/timeout', 'The request did not come in time.'];
    default:
      return ['400 Bad Request', 'http/malformed', 'The request is malformed.'];
  }
}

async function listen(server: Server | Http2SecureServer, where: ListenOptions): Promise<number> {
  try {
    await listenOn(server, where);
  } catch (error) {
    if (codeOf(error) === 'EAFNOSUPPORT' && where.host === '::') {
      // A machine without IPv6.
      return listen(server, { ...where, host: '0.0.0.0' });
    }
    throw listenError(error, where);
  }
  const address = server.address() as AddressInfo | string;
  if (typeof address === 'string') {
    throw listenError(new Error('it is a Unix socket'), where);
  }
  return address.port;
}

function listenOn(server: Server | Http2SecureServer, { host, port, fd, isShared = false }: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    const done = (): void => {
      server.off('error', reject);
      resolve();
    };
    if (fd === undefined) {
      server.listen({ host, port, backlog: BACKLOG, reusePort: isShared }, done);
    } else {
      server.listen({ fd }, BACKLOG, done);
    }
  });
}

function listenError(error: unknown, { host, port, option, fd }: ListenOptions): MillraceError {
  if (fd !== undefined) {
    return new MillraceError('edge/listen', `The socket for ${option} that was handed over as file descriptor ${fd} cannot be listened on: ${messageOf(error)}.`, { cause: error });
  }
  const setting = `MILLRACE_${option.replace(/[A-Z]/g, '_$&').toUpperCase()}`;
  switch (codeOf(error)) {
    case 'EADDRINUSE':
      return new MillraceError('edge/port-in-use', `Port ${port} is in use by another program. Stop it, or choose another port with ${setting}.`, { cause: error });
    case 'ENOTSUP':
      return new MillraceError('edge/listen', 'This system does not let threads share a port. Set MILLRACE_HTTP_WORKERS to 0.', { cause: error });
    case 'EACCES':
      return new MillraceError('edge/listen', `This user may not listen on port ${port}. Choose a port above 1023 with ${setting}.`, { cause: error });
    default:
      return new MillraceError('edge/listen', `Cannot listen on ${host}, port ${port}: ${messageOf(error)}. Check MILLRACE_HOST and ${setting}.`, { cause: error });
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}

async function closeServer(server: Server | Http2SecureServer, connections: Connections, grace: Millis): Promise<void> {
  if (!server.listening) {
    return;
  }
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  if ('closeIdleConnections' in server) {
    server.closeIdleConnections();
  }
  const timer = setTimeout(() => connections.destroyAll(), grace);
  await closed;
  clearTimeout(timer);
}
