import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';

import { millis, type Millis } from '../../media/time.ts';
import type { Logger } from '../../runtime/log.ts';
import { parseSdpFragment } from '../sdp/fragment.ts';
import { parseOffer } from '../sdp/parse-offer.ts';
import { readBearer } from './bearer.ts';
import { ClientGone, readBody } from './body.ts';
import { iceServerLink, type IceServer } from './ice-servers.ts';
import { OpenSession } from './open-session.ts';
import { ALLOWED, respondOptions } from './options-answer.ts';
import { Refusal } from './refusal.ts';
import { FRAGMENT_TYPE, mediaTypeOf, respond, respondError, SDP_TYPE, type Fields } from './respond.ts';
import type { Asker, SessionFactory } from './session-factory.ts';
import { statusOf, type HttpError } from './status.ts';
import { parseTarget, type SignallingTarget } from './target.ts';

/** What a {@link SignallingEndpoint} works with. */
export type SignallingOptions = {
  readonly protocol: 'whip' | 'whep';
  /** Path of the public URL, without a slash at the end; empty at the root. Goes before every `Location`. Default: empty. */
  readonly basePath?: string;
  readonly factory: SessionFactory;
  /** The client's address, where proxies are believed the one they tell. Default: the connection's. */
  readonly address?: (request: IncomingMessage) => string;
  /** Default: none. */
  readonly iceServers?: readonly IceServer[];
  /** A body must be there after this time. Default 10 s. */
  readonly bodyTimeout?: Millis;
  readonly log: Logger;
};

type EndpointTarget = Extract<SignallingTarget, { kind: 'endpoint' }>;
type SessionTarget = Extract<SignallingTarget, { kind: 'session' }>;

/** Bytes of a session's id: 192 bits, nobody finds one by trying. */
const ID_BYTES = 24;

/**
 * The HTTP life of WHIP (RFC 9725) or WHEP (draft-ietf-wish-whep) sessions: `/whip...` or `/whep...` and all below it.
 * Needs no Express and works on HTTP/1.1 and on HTTP/2's compatibility objects. Who may have a session, and what it does, is
 * the factory's to decide.
 */
export class SignallingEndpoint {
  readonly #options: SignallingOptions;
  readonly #basePath: string;
  readonly #links: readonly string[];
  readonly #sessions = new Map<string, OpenSession>();
  #isClosed = false;

  constructor(options: SignallingOptions) {
    this.#options = options;
    this.#basePath = options.basePath ?? '';
    this.#links = (options.iceServers ?? []).map(iceServerLink);
  }

  /** Sessions that are open. */
  get size(): number {
    return this.#sessions.size;
  }

  /** Answers a request for a path of this protocol; any other goes to `next`, or gets 404 where there is none. */
  handle(request: IncomingMessage, response: ServerResponse, next?: () => void): void {
    const target = parseTarget(this.#options.protocol, this.#basePath, request.url ?? '');
    if (target === undefined && next !== undefined) {
      next();
      return;
    }
    this.#dispatch(request, response, target ?? { kind: 'nothing' }).catch((error: unknown) => this.#fail(request, response, error));
  }

  /** Takes no more sessions and closes those that are open. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const open = [...this.#sessions.values()];
    this.#sessions.clear();
    for (const { session } of open) {
      session.close();
    }
    await Promise.all(open.map(({ session }) => session.closed));
  }

  async #dispatch(request: IncomingMessage, response: ServerResponse, target: SignallingTarget): Promise<void> {
    if (target.kind === 'nothing') {
      throw new Refusal(404, 'signalling/not-found', 'There is nothing here.');
    }
    switch (request.method) {
      case 'OPTIONS':
        return respondOptions(request, response, target.kind, this.#links);
      case 'GET':
      case 'HEAD':
        return this.#look(response, target);
      case 'POST':
        return target.kind === 'endpoint' ? this.#create(request, response, target) : refuseMethod(request, response, target.kind);
      case 'PATCH':
        return target.kind === 'session' ? this.#patch(request, response, target) : refuseMethod(request, response, target.kind);
      case 'DELETE':
        return target.kind === 'session' ? this.#delete(response, target) : refuseMethod(request, response, target.kind);
      default:
        return refuseMethod(request, response, target.kind);
    }
  }

  /** RFC 9725, 4.1: "the WHIP endpoints and sessions MUST return a 2XX successful response with no content when a GET request is received". */
  #look(response: ServerResponse, target: EndpointTarget | SessionTarget): void {
    if (target.kind === 'session') {
      this.#find(target);
      respond(response, 204, {});
    } else if (this.#options.protocol === 'whep') {
      // WHEP, "Endpoint discovery": a player tells by the type that this is an endpoint.
      respond(response, 200, { 'Content-Type': SDP_TYPE, 'Accept-Post': SDP_TYPE });
    } else {
      respond(response, 204, { 'Accept-Post': SDP_TYPE });
    }
  }

  async #create(request: IncomingMessage, response: ServerResponse, target: EndpointTarget): Promise<void> {
    this.#checkOpen();
    checkType(request, SDP_TYPE, { 'Accept-Post': SDP_TYPE });
    const asker = this.#asker(request, target);
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    const { factory, bodyTimeout = millis(10_000), protocol } = this.#options;
    const stream = await factory.admit(asker);
    if (asker.stream !== undefined && asker.stream !== stream) {
      throw new Refusal(403, 'publish/wrong-stream', 'The key is of another stream than the URL.');
    }
    const offer = parseOffer(await readBody(request, bodyTimeout));
    const id = randomBytes(ID_BYTES).toString('base64url');
    const { answer, session, links = [] } = await factory.create({ ...asker, stream, id, offer, signal: gone.signal, userAgent: request.headers['user-agent'] });
    if (gone.signal.aborted || this.#isClosed) {
      session.close();
      this.#checkOpen();
      return;
    }
    const open = new OpenSession(session, stream, offer);
    this.#sessions.set(id, open);
    void session.closed.then(() => this.#sessions.delete(id));
    const allLinks = [...this.#links, ...links];
    respond(
      response,
      201,
      {
        'Content-Type': SDP_TYPE,
        // OBS writes a relative reference straight into its URL and drops a query.
        'Location': `${this.#basePath}/${protocol}/${stream}/${id}`,
        'ETag': open.entityTag,
        'Accept-Patch': FRAGMENT_TYPE,
        ...(allLinks.length > 0 ? { Link: allLinks } : {}),
      },
      answer,
    );
  }

  async #patch(request: IncomingMessage, response: ServerResponse, target: SessionTarget): Promise<void> {
    const open = this.#find(target);
    checkType(request, FRAGMENT_TYPE, { 'Accept-Patch': FRAGMENT_TYPE });
    const ifMatch = request.headers['if-match'];
    if (ifMatch === undefined) {
      throw new Refusal(428, 'signalling/precondition-required', 'PATCH needs If-Match: the ETag of the ICE session, or * for an ICE restart.');
    }
    const fragment = parseSdpFragment(await readBody(request, this.#options.bodyTimeout ?? millis(10_000)));
    const result = await open.patch(ifMatch, fragment);
    if (result.kind === 'restarted') {
      respond(response, 200, { 'Content-Type': FRAGMENT_TYPE, 'ETag': result.entityTag }, result.body);
    } else {
      // RFC 9725, 4.3.2: "204 No Content" that "MUST NOT include an ETag".
      respond(response, 204, {});
    }
  }

  #delete(response: ServerResponse, target: SessionTarget): void {
    const { session } = this.#find(target);
    this.#sessions.delete(target.id);
    session.close();
    respond(response, 200, {});
  }

  #find({ id, stream }: SessionTarget): OpenSession {
    const open = this.#sessions.get(id);
    if (open === undefined || open.stream !== stream) {
      throw new Refusal(404, 'signalling/unknown-session', 'There is no such session: it has ended, or never was.');
    }
    return open;
  }

  #asker(request: IncomingMessage, { stream, key }: EndpointTarget): Asker {
    const bearer = readBearer(request.headers.authorization);
    if (bearer === 'malformed') {
      throw new Refusal(401, 'signalling/malformed-authorization', 'Authorization must be Bearer with a token.');
    }
    if (this.#options.protocol === 'whip' && bearer === undefined && key === undefined) {
      throw new Refusal(401, 'publish/no-key', 'Publishing needs a stream key: as Bearer token, or as the last part of the URL.');
    }
    const address = this.#options.address?.(request) ?? request.socket.remoteAddress ?? '';
    const query = request.url?.split('?').slice(1).join('?');
    return { stream, bearer: key ?? bearer?.token, address, ...(query === undefined || query === '' ? {} : { query: new URLSearchParams(query) }) };
  }

  #checkOpen(): void {
    if (this.#isClosed) {
      throw new Refusal(503, 'signalling/stopping', 'The server is stopping.');
    }
  }

  #fail(request: IncomingMessage, response: ServerResponse, error: unknown): void {
    if (error instanceof ClientGone) {
      response.destroy();
      return;
    }
    const known = statusOf(error);
    this.#tell(request, error, known);
    const answer = known ?? { status: 500, code: 'signalling/internal', message: 'The server failed to answer.' };
    respondError(request, response, answer, {
      // RFC 6750, 3: no error code where the request came without any authentication.
      ...(answer.status === 401 ? { 'WWW-Authenticate': `Bearer realm="millrace"${request.headers.authorization === undefined ? '' : ', error="invalid_token"'}` } : {}),
      ...(error instanceof TypeRefusal ? error.fields : {}),
    });
  }

  #tell({ method, headers }: IncomingMessage, error: unknown, known: HttpError | undefined): void {
    const { protocol, log } = this.#options;
    if (known === undefined) {
      log.error({ err: error, method, protocol }, 'a signalling request failed');
    } else if (known.code.startsWith('sdp/')) {
      // Few tools show a broadcaster what the answer says. Who got so far has a key; viewers come as they like.
      log[protocol === 'whip' ? 'warn' : 'debug']({ code: known.code, reason: known.message, client: headers['user-agent']?.slice(0, 100), method, protocol }, 'a description was refused');
    }
  }
}

/** 415, with the types that are taken (RFC 5789, 3.1). */
class TypeRefusal extends Refusal {
  readonly fields: Fields;

  constructor(message: string, fields: Fields) {
    super(415, 'signalling/content-type', message);
    this.fields = fields;
  }
}

function checkType(request: IncomingMessage, expected: string, fields: Fields): void {
  const encoding = request.headers['content-encoding'] ?? 'identity';
  if (mediaTypeOf(request) !== expected || encoding.toLowerCase() !== 'identity') {
    throw new TypeRefusal(`The body must be ${expected}, not compressed.`, fields);
  }
}

function refuseMethod(request: IncomingMessage, response: ServerResponse, kind: 'endpoint' | 'session'): void {
  respondError(request, response, { status: 405, code: 'signalling/method', message: `This takes ${ALLOWED[kind]}.` }, { Allow: ALLOWED[kind] });
}
