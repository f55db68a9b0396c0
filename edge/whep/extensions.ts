import type { IncomingMessage, ServerResponse } from 'node:http';

import { isStreamName } from '#core/access/stream-key.ts';
import { millis } from '#core/media/time.ts';
import type { Logger } from '#core/runtime/log.ts';
import { ClientGone, readBody } from '#core/rtc/signalling/body.ts';
import { mediaTypeOf, respond, respondError } from '#core/rtc/signalling/respond.ts';
import { Refusal } from '#core/rtc/signalling/refusal.ts';
import { statusOf } from '#core/rtc/signalling/status.ts';

import { EVENT_NAMES, type EventStreams } from './event-streams.ts';
import { parseEventNames, parseLayerWish, type LayerWish } from './layers.ts';

/** URNs of the draft's two extensions. */
const LAYER = 'urn:ietf:params:whep:ext:core:layer';
const SERVER_SENT_EVENTS = 'urn:ietf:params:whep:ext:core:server-sent-events';

const BODY_TIMEOUT = millis(10_000);

/** A viewer as the extensions know it. */
export type ExtendedViewer = {
  readonly stream: string;
  readonly events: EventStreams;
  /** False where there is no such rung. */
  wish(wish: LayerWish): boolean | Promise<boolean>;
};

/** What the extensions work with. */
export type ExtensionsOptions = { readonly basePath: string; readonly find: (id: string) => ExtendedViewer | undefined; readonly log: Logger };

type Target = { readonly stream: string; readonly id: string; readonly extension: 'layer' | 'events'; readonly events: string };

/** Values of `Link` that name the extensions of a session. */
export function extensionLinks(basePath: string, stream: string, id: string): readonly string[] {
  const session = `${basePath}/whep/${stream}/${id}`;
  return [`<${session}/layer>; rel="${LAYER}"`, `<${session}/events>; rel="${SERVER_SENT_EVENTS}"; events="${EVENT_NAMES.join(',')}"`];
}

/**
 * The protocol extensions of WHEP sessions (draft-ietf-wish-whep, 4.9): `/whep/<stream>/<session>/layer`, `.../events` and
 * `.../events/<event stream>`.
 */
export class Extensions {
  readonly #options: ExtensionsOptions;

  constructor(options: ExtensionsOptions) {
    this.#options = options;
  }

  /** Answers a request for an extension; false where its path is none. `path` comes without the base path and query. */
  handle(request: IncomingMessage, response: ServerResponse, path: string): boolean {
    const target = parseTarget(path);
    if (target === undefined) {
      return false;
    }
    this.#answer(request, response, target).catch((error: unknown) => this.#fail(request, response, error));
    return true;
  }

  async #answer(request: IncomingMessage, response: ServerResponse, target: Target): Promise<void> {
    const allowed = methodsOf(target);
    if (request.method === 'OPTIONS') {
      const fields = { 'Access-Control-Allow-Methods': allowed, 'Access-Control-Allow-Headers': 'Authorization, Content-Type', 'Access-Control-Max-Age': '86400' };
      respond(response, 204, { ...fields, 'Allow': allowed });
      return;
    }
    const viewer = this.#options.find(target.id);
    if (viewer?.stream !== target.stream || (target.extension === 'events' && !viewer.events.has(target.events))) {
      throw new Refusal(404, 'signalling/unknown-session', 'There is no such session: it has ended, or never was.');
    }
    if (!allowed.split(', ').includes(request.method ?? '')) {
      respondError(request, response, { status: 405, code: 'signalling/method', message: `This takes ${allowed}.` }, { Allow: allowed });
    } else if (target.extension === 'layer') {
      await this.#choose(request, response, viewer);
    } else if (request.method === 'POST') {
      await this.#createStream(request, response, target, viewer);
    } else if (request.method === 'DELETE') {
      viewer.events.destroy(target.events);
      respond(response, 200, {});
    } else {
      stream(response);
      viewer.events.attach(target.events, response);
    }
  }

  async #choose(request: IncomingMessage, response: ServerResponse, viewer: ExtendedViewer): Promise<void> {
    checkType(request);
    const wish = parseLayerWish(await readBody(request, BODY_TIMEOUT));
    if (!(await viewer.wish(wish))) {
      throw new Refusal(404, 'whep/no-layer', 'There is no such layer: the event "layers" tells of those that there are.');
    }
    respond(response, 200, {});
  }

  async #createStream(request: IncomingMessage, response: ServerResponse, { stream: name, id }: Target, { events }: ExtendedViewer): Promise<void> {
    const body = await readBody(request, BODY_TIMEOUT);
    if (body !== '') {
      checkType(request);
    }
    const made = events.create(parseEventNames(body));
    respond(response, 201, { Location: `${this.#options.basePath}/whep/${name}/${id}/events/${made}` });
  }

  #fail(request: IncomingMessage, response: ServerResponse, error: unknown): void {
    if (error instanceof ClientGone) {
      response.destroy();
      return;
    }
    const known = statusOf(error);
    if (known === undefined) {
      this.#options.log.error({ err: error, method: request.method }, 'a request of a WHEP session failed');
    }
    respondError(request, response, known ?? { status: 500, code: 'signalling/internal', message: 'The server failed to answer.' });
  }
}

function parseTarget(path: string): Target | undefined {
  const [, stream = '', id = '', extension, events = ''] = /^\/whep\/([^/]+)\/([A-Za-z0-9_-]{32})\/(layer|events)(?:\/([A-Za-z0-9_-]{12}))?$/.exec(path) ?? [];
  const known = extension === 'events' || (extension === 'layer' && events === '');
  return known && isStreamName(stream) ? { stream, id, extension, events } : undefined;
}

function methodsOf({ extension, events }: Target): string {
  if (extension === 'layer') {
    return 'OPTIONS, POST';
  }
  return events === '' ? 'GET, OPTIONS, POST' : 'DELETE, GET, OPTIONS';
}

function checkType(request: IncomingMessage): void {
  if (mediaTypeOf(request) !== 'application/json') {
    throw new Refusal(415, 'signalling/content-type', 'The body must be application/json.');
  }
}

/** https://html.spec.whatwg.org/multipage/server-sent-events.html. What is between must not gather events before it passes them on. */
function stream(response: ServerResponse): void {
  response.writeHead(200, {
    'Content-Type': 'text/event-stream',
    'Cache-Control': 'no-store, no-transform',
    'X-Accel-Buffering': 'no',
    'Access-Control-Allow-Origin': '*',
  });
  response.write(':\n\n');
}
