import { Agent, request as ask, type ClientRequest, type ClientRequestArgs, type IncomingMessage, type ServerResponse } from 'node:http';
import { Http2ServerResponse, type ServerHttp2Stream } from 'node:http2';

import { plainAddress } from '../client-address.ts';
import { RETRY_AFTER, sendError } from '../answer.ts';
import { noteTaken } from '../connections.ts';
import { tear } from '../growing-answer.ts';
import { byName, endToEnd } from './end-to-end.ts';
import { VIEWER_HEADER, type InnerDoor } from './inner-server.ts';

/** What {@link Upstream} works with. */
export type UpstreamOptions = {
  readonly door: InnerDoor;
  /** Requests that may be on their way at a time. */
  readonly maxRequests: number;
};

/** A connection that nobody uses for so long is closed: there are as many as clients have addresses. */
const IDLE = 1000;

/** Of one address. */
const MAX_IDLE = 8;

/** The way of requests from a worker to the main thread and of the answers back. */
export class Upstream {
  readonly #options: UpstreamOptions;
  readonly #agent = new AgentByClient({ keepAlive: true, maxFreeSockets: MAX_IDLE, timeout: IDLE });
  #onTheWay = 0;
  #passedOn = 0;

  constructor(options: UpstreamOptions) {
    this.#options = options;
  }

  /** Requests that were passed on since this was last called. */
  take(): number {
    const passedOn = this.#passedOn;
    this.#passedOn = 0;
    return passedOn;
  }

  /** Has the main thread answer a request. Bodies go in both directions as they come, and who hangs up is hung up on. */
  pass(request: IncomingMessage, response: ServerResponse): void {
    const address = plainAddress(request.socket.remoteAddress);
    if (address === '') {
      // Its connection is gone already.
      response.destroy();
      return;
    }
    if (this.#onTheWay >= this.#options.maxRequests) {
      sendError(response, 503, { code: 'http/busy', message: 'Too many requests of this kind are being answered.' }, RETRY_AFTER);
      return;
    }
    let asked: ClientRequest;
    try {
      asked = this.#ask(request, address);
    } catch {
      sendError(response, 400, { code: 'http/malformed', message: 'The request target is malformed.' });
      return;
    }
    this.#onTheWay += 1;
    this.#passedOn += 1;
    asked.once('close', () => {
      this.#onTheWay -= 1;
      request.unpipe(asked);
    });
    asked.once('response', (answer) => passBack(answer, response));
    asked.on('error', () => fail(response));
    response.once('close', () => asked.destroy());
    if (hasBody(request)) {
      request.pipe(asked);
    } else {
      asked.end();
    }
  }

  /** Closes idle connections, and ends the others. Idempotent. */
  close(): void {
    this.#agent.destroy();
  }

  #ask(request: IncomingMessage, address: string): ClientRequest {
    const { door } = this.#options;
    const scheme = isEncrypted(request) ? 'https' : 'http';
    const headers = endToEnd(request.rawHeaders);
    if (request.headers.host === undefined) {
      headers.push('Host', (request.headers[':authority'] as string | undefined) ?? '');
    }
    if (request.headers['content-length'] === undefined) {
      if (hasBody(request)) {
        headers.push('Transfer-Encoding', 'chunked');
      } else if (request.method === 'POST' || request.method === 'PUT' || request.method === 'PATCH') {
        headers.push('Content-Length', '0');
      }
    }
    headers.push(VIEWER_HEADER, `${door.secret} ${address} ${scheme}`);
    const options: ClientRequestArgs & Client = { agent: this.#agent, socketPath: door.path, method: request.method, path: request.url, headers, client: `${address} ${scheme}` };
    return ask(options);
  }
}

/** Whose request it is. */
type Client = { readonly client: string };

/** Keeps the connections of different clients apart: what the main thread remembers of a connection is of one address. */
class AgentByClient extends Agent {
  override getName(options?: ClientRequestArgs & Partial<Client>): string {
    return options?.client ?? '';
  }
}

function passBack(answer: IncomingMessage, response: ServerResponse): void {
  if (response.destroyed || response.headersSent) {
    answer.destroy();
    return;
  }
  const headers = endToEnd(answer.rawHeaders);
  const status = answer.statusCode ?? 502;
  if ((response as unknown) instanceof Http2ServerResponse) {
    response.writeHead(status, byName(headers));
  } else {
    response.writeHead(status, headers);
  }
  if (answer.headers['content-length'] === undefined) {
    // The first bytes of an event stream may be long in coming.
    response.flushHeaders();
  }
  answer.on('data', (chunk: Buffer) => {
    if (!response.write(chunk, () => noteTaken(response, chunk.length))) {
      answer.pause();
    }
  });
  response.on('drain', () => answer.resume());
  answer.once('end', () => response.end());
  // Cut off: the client must not take what it has for the whole.
  answer.once('error', () => cut(response));
}

function fail(response: ServerResponse): void {
  if (response.headersSent) {
    cut(response);
  } else if (!response.destroyed) {
    sendError(response, 503, { code: 'http/unanswered', message: 'The part of the server that answers this did not.' }, RETRY_AFTER);
  }
}

function cut(response: ServerResponse): void {
  if (!response.writableFinished) {
    tear(response);
  }
}

function isEncrypted({ socket }: IncomingMessage): boolean {
  return 'encrypted' in socket && socket.encrypted === true;
}

function hasBody(request: IncomingMessage): boolean {
  const { stream } = request as unknown as { readonly stream?: ServerHttp2Stream };
  if (stream !== undefined && 'endAfterHeaders' in stream) {
    return !stream.endAfterHeaders;
  }
  const { 'content-length': length, 'transfer-encoding': coding } = request.headers;
  return coding !== undefined || (length !== undefined && length !== '0');
}
