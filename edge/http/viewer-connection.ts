import type { IncomingMessage } from 'node:http';

import type { StreamName } from '#core/bus/catalog.ts';
import { elapsed, millis, type WallTime } from '#core/media/time.ts';

import { sessionIdOf } from '../audience/cmcd.ts';
import type { Audience, Viewer, ViewerProtocol } from '../audience/audience.ts';
import type { AddressReader } from './client-address.ts';

/** A viewer that was stamped so lately is surely still counted, and needs no look-up. */
const SURELY_COUNTED = millis(4000);

/** What of a user agent tells viewers behind one address apart; a header may be a hundred times as long, and is remembered. */
const MAX_AGENT = 256;

/** What is remembered of a connection, so that a request needs no look-up by strings. */
export type ViewerConnection = {
  /** Requests of this connection that wait. */
  waiting: number;
  readonly remote: string | undefined;
  stream: StreamName | undefined;
  protocol: ViewerProtocol | undefined;
  agent: string | undefined;
  viewer: Viewer | undefined;
};

/** The connections of viewers by what carries them: a socket, or an HTTP/2 session. */
export class ViewerConnections {
  readonly #known = new WeakMap<object, ViewerConnection>();
  readonly #readAddress: AddressReader;
  readonly #audience: Audience;

  constructor(readAddress: AddressReader, audience: Audience) {
    this.#readAddress = readAddress;
    this.#audience = audience;
  }

  of(request: IncomingMessage): ViewerConnection {
    const carrier = carrierOf(request);
    let connection = this.#known.get(carrier);
    if (connection === undefined) {
      connection = { waiting: 0, remote: request.socket.remoteAddress, stream: undefined, protocol: undefined, agent: undefined, viewer: undefined };
      this.#known.set(carrier, connection);
    }
    return connection;
  }

  /** The address of whoever sent a request. */
  addressOf(request: IncomingMessage, connection: ViewerConnection): string {
    return this.#readAddress(connection.remote, request.headers['x-forwarded-for']);
  }

  /** Counts the viewer behind a request. */
  stamp(request: IncomingMessage, connection: ViewerConnection, stream: StreamName, protocol: ViewerProtocol, query: string, now: WallTime): Viewer | undefined {
    const session = sessionIdOf(query, request.headers['cmcd-session'] as string | undefined);
    if (session !== undefined) {
      return this.#audience.viewer(stream, protocol, `sid ${session}`, now);
    }
    const agent = request.headers['user-agent']?.slice(0, MAX_AGENT);
    const { viewer } = connection;
    if (viewer !== undefined && connection.stream === stream && connection.protocol === protocol && connection.agent === agent && request.headers['x-forwarded-for'] === undefined && elapsed(viewer.lastSeen, now) < SURELY_COUNTED) {
      viewer.lastSeen = now;
      return viewer;
    }
    connection.stream = stream;
    connection.protocol = protocol;
    connection.agent = agent;
    connection.viewer = this.#audience.viewer(stream, protocol, `${this.addressOf(request, connection)} ${agent ?? ''}`, now);
    return connection.viewer;
  }
}

/** HTTP/2 requests of one session share it; their `socket` is a new proxy object at each access. */
function carrierOf(request: IncomingMessage): object {
  return request.httpVersionMajor === 2 && 'stream' in request ? ((request.stream as { session?: object }).session ?? request) : request.socket;
}
