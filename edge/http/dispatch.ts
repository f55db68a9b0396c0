import type { IncomingMessage, ServerResponse } from 'node:http';

import type { Logger } from '#core/runtime/log.ts';

import { RECORDINGS_PREFIX } from '../recordings/path.ts';
import { sendError } from './answer.ts';
import type { AppRunner } from './apps.ts';
import type { MediaHandler } from './media-handler.ts';
import { MEDIA_PREFIX } from './media-path.ts';
import type { Pages } from './pages.ts';
import { OPEN_HEADERS, type RawHeaders } from './payload.ts';

/** A request's target may not be longer: a signed URL needs less than half. */
const MAX_URL_LENGTH = 8192;

/** What may be asked of another place. */
const PREFLIGHT: RawHeaders = [
  'Access-Control-Allow-Methods', 'GET, HEAD, POST, PATCH, DELETE, OPTIONS',
  'Access-Control-Allow-Headers', 'Content-Type, Authorization, If-Match, Range',
  'Access-Control-Max-Age', '86400',
];

/** Where requests go. */
export type DispatchOptions = {
  /** Path of the public URL, without a slash at the end; empty at the root. Requests come with it or without it. */
  readonly basePath: string;
  /** Undefined where no media is served. */
  readonly media?: MediaHandler | undefined;
  /** WebRTC signalling; undefined where there is no WebRTC. */
  readonly whep?: { handle(request: IncomingMessage, response: ServerResponse, path: string): void } | undefined;
  /** What is kept of recordings; undefined where nothing is. False is answered for a page. */
  readonly recordings?: { handle(request: IncomingMessage, response: ServerResponse, path: string): boolean } | undefined;
  readonly health: ReadonlyMap<string, (request: IncomingMessage, response: ServerResponse) => void>;
  readonly apps: AppRunner;
  /** Another place for what nothing here answers but pages; see `HttpFaceDeps`. */
  readonly redirects?: ((request: IncomingMessage, path: string, query: string) => string | undefined) | undefined;
  /** Undefined where no pages are served. */
  readonly pages?: Pages | undefined;
  readonly log: Logger;
};

/** The server's one request listener: media first, then the operator's endpoints, the apps and the pages. */
export function dispatcher(options: DispatchOptions): (request: IncomingMessage, response: ServerResponse) => void {
  const { basePath, media } = options;
  return (request, response) => {
    try {
      let url = request.url ?? '';
      if (basePath !== '' && url.startsWith(basePath) && (url.length === basePath.length || '/?'.includes(url[basePath.length] ?? ''))) {
        url = url.slice(basePath.length);
        url = url.startsWith('/') ? url : `/${url}`;
      }
      if (media !== undefined && url.startsWith(MEDIA_PREFIX) && url.length <= MAX_URL_LENGTH) {
        const mark = url.indexOf('?');
        if (mark < 0) {
          media.handle(request, response, url, '');
        } else {
          media.handle(request, response, url.slice(0, mark), url.slice(mark + 1));
        }
      } else {
        dispatchOther(request, response, url, options);
      }
    } catch (error) {
      options.log.error({ err: error, method: request.method }, 'A request failed');
      if (response.headersSent) {
        response.destroy();
      } else {
        sendError(response, 500, { code: 'http/internal', message: 'The server failed to answer.' });
      }
    }
  };
}

function dispatchOther(request: IncomingMessage, response: ServerResponse, target: string, options: DispatchOptions): void {
  // RFC 9112, 3.2.2: "a server MUST accept the absolute-form in requests".
  const url = /^https?:\/\//i.test(target) ? target.replace(/^https?:\/\/[^/?#]*/i, '') || '/' : target;
  if (url.length > MAX_URL_LENGTH) {
    sendError(response, 414, { code: 'http/url-too-long', message: `A URL may have ${MAX_URL_LENGTH} characters.` });
    return;
  }
  if (!url.startsWith('/')) {
    sendError(response, 400, { code: 'http/malformed', message: 'The request target is malformed.' });
    return;
  }
  const path = url.replace(/\?.*$/s, '');
  if (options.media !== undefined && url !== target && path.startsWith(MEDIA_PREFIX)) {
    options.media.handle(request, response, path, url.slice(path.length + 1));
    return;
  }
  if (options.whep !== undefined && (path === '/whep' || path.startsWith('/whep/'))) {
    request.url = url;
    options.whep.handle(request, response, path);
    return;
  }
  if (path.startsWith(RECORDINGS_PREFIX) && options.recordings?.handle(request, response, path) === true) {
    return;
  }
  const endpoint = options.health.get(path);
  if (endpoint !== undefined) {
    if (request.method === 'GET' || request.method === 'HEAD') {
      endpoint(request, response);
    } else {
      sendError(response, 405, { code: 'http/method', message: 'This is read with GET or HEAD.' }, ['Allow', 'GET, HEAD']);
    }
    return;
  }
  request.url = url;
  options.apps(request, response, () => {
    const elsewhere = options.redirects?.(request, path, url.slice(path.length + 1));
    if (elsewhere !== undefined) {
      redirect(request, response, elsewhere);
    } else if (options.pages?.handle(request, response, path) !== true) {
      sendError(response, 404, { code: 'http/not-found', message: 'There is nothing here.' });
    }
  });
}

/** Browsers ask before a cross-origin request whether it may be made: the answer is for the request that will be sent elsewhere. */
function redirect(request: IncomingMessage, response: ServerResponse, location: string): void {
  const isPreflight = request.method === 'OPTIONS';
  const headers = isPreflight ? [...OPEN_HEADERS, ...PREFLIGHT] : [...OPEN_HEADERS, 'Location', location, 'Cache-Control', 'no-store'];
  response.writeHead(isPreflight ? 204 : 307, [...headers, ...(isPreflight ? [] : ['Content-Length', '0'])]);
  response.end();
}
