import { Router, type NextFunction, type Request, type Response } from 'express';

import type { Logger } from '#core/runtime/log.ts';

import type { Authorization, WithHeaders } from '../token/authorize.ts';
import { ApiError, asApiError } from './api-error.ts';
import { answerJson, type Exchange } from './exchange.ts';
import type { Route } from './route.ts';

/** An express router. */
export type ApiRouter = Router;

/** What the router works with. */
export type RouterOptions = {
  readonly routes: readonly Route[];
  readonly authorize: (request: WithHeaders) => Authorization;
  /** Tells whether a request carries a stream's key: what is private of that stream is the broadcaster's own. */
  readonly publishes: (request: WithHeaders, stream: string, address: string) => Promise<boolean>;
  readonly log: Logger;
};

/** The API as an express router: every route, and clear errors for everything else under `/api`. The only file that knows express. */
export function apiRouter({ routes, authorize, publishes, log }: RouterOptions): ApiRouter {
  const router = Router({ caseSensitive: true });
  const allowed = new Map<string, Route[]>();
  const authorizeFor = async (route: Route, request: Request): Promise<Authorization> => {
    const authorization = authorize(request);
    const takesKey = route.access === 'more-with-token' || route.access === 'token-or-key';
    const isOwn = authorization === 'wrong' && takesKey && (await publishes(request, streamOf(request), addressOf(request)));
    return isOwn ? 'token' : authorization;
  };
  for (const route of routes) {
    const path = route.path.replace(/\{(stream|id)\}/, ':$1');
    router[route.method](path, (request, response) => serve(route, authorizeFor, request, response));
    allowed.set(path, [...(allowed.get(path) ?? []), route]);
  }
  allowed.forEach((methods, path) => router.all(path, (request, response) => otherMethod(methods, request, response)));
  router.use('/api', () => {
    throw new ApiError(404, 'not-found', 'There is no such endpoint. The API is described at /api/v1/openapi.json.');
  });
  router.use('/api', (thrown: unknown, request: Request, response: Response, next: NextFunction) => {
    if (response.headersSent) {
      next(thrown);
      return;
    }
    answerError(thrown, request, response, log);
  });
  return router;
}

async function serve(route: Route, authorize: (route: Route, request: Request) => Promise<Authorization>, request: Request, response: Response): Promise<void> {
  const isOpen = isPublic(route);
  if (isOpen) {
    allowAnyOrigin(response);
  }
  const authorization = await authorize(route, request);
  response.setHeader('Vary', 'Authorization');
  // A wrong token is never answered with less than was asked for: its owner would take the public facts for all.
  if (authorization === 'wrong' || (authorization === 'none' && !isOpen)) {
    const orKey = route.access === 'token-or-key' ? ' A key of this stream will do too.' : '';
    throw new ApiError(401, 'unauthorized', `This needs the API token: "Authorization: Bearer <token>", from the file api-token in the server's data folder.${orKey}`, { 'WWW-Authenticate': 'Bearer realm="millrace"' });
  }
  const authorized = authorization === 'token';
  response.setHeader('Cache-Control', authorized ? 'no-store' : 'no-cache');
  await route.handle(exchangeOf(request, response, authorized));
}

function exchangeOf(request: Request, response: Response, authorized: boolean): Exchange {
  const mark = request.url.indexOf('?');
  const query = new URLSearchParams(mark < 0 ? '' : request.url.slice(mark + 1));
  return { request, response, authorized, query, stream: streamOf(request), id: parameter(request, 'id'), address: addressOf(request), proxied: isProxied(request), baseUrl: request.baseUrl };
}

/** Public facts are for pages of any origin. */
function isPublic({ access }: Route): boolean {
  return access === 'open' || access === 'more-with-token';
}

function streamOf(request: Request): string {
  return parameter(request, 'stream');
}

function parameter({ params }: Request, name: string): string {
  const value = params[name];
  return typeof value === 'string' ? value : '';
}

function addressOf(request: Request): string {
  return request.ip ?? request.socket.remoteAddress ?? '';
}

/** As Express has it from its setting `trust proxy`. */
function isProxied({ app, socket }: { readonly app?: Request['app']; readonly socket: Request['socket'] }): boolean {
  const trust: unknown = app?.get('trust proxy fn');
  return typeof trust === 'function' && (trust as (address: string, hop: number) => boolean)(socket.remoteAddress ?? '', 0);
}

function otherMethod(routes: readonly Route[], request: Request, response: Response): void {
  const methods = routes.flatMap(({ method }) => (method === 'get' ? ['GET', 'HEAD'] : [method.toUpperCase()]));
  const allow = [...methods, 'OPTIONS'].join(', ');
  response.setHeader('Allow', allow);
  if (request.method !== 'OPTIONS') {
    throw new ApiError(405, 'method-not-allowed', `${request.method} is not possible here, only ${allow}.`);
  }
  if (routes.some(isPublic)) {
    // The token's header is not allowed across origins: pages elsewhere read public facts, no more.
    allowAnyOrigin(response);
    response.setHeader('Access-Control-Allow-Methods', 'GET, HEAD');
    response.setHeader('Access-Control-Max-Age', '86400');
  }
  response.statusCode = 204;
  response.end();
}

function allowAnyOrigin(response: Response): void {
  response.setHeader('Access-Control-Allow-Origin', '*');
  response.setHeader('Access-Control-Expose-Headers', 'Date, ETag, Retry-After');
  response.setHeader('Timing-Allow-Origin', '*');
}

function answerError(thrown: unknown, request: Request, response: Response, log: Logger): void {
  const error = asApiError(thrown);
  if (error === undefined) {
    log.error({ err: thrown, method: request.method, path: request.path }, 'the API failed');
  }
  Object.entries(error?.headers ?? {}).forEach(([name, value]) => response.setHeader(name, value));
  response.setHeader('Cache-Control', 'no-store');
  const { status, code, message } = error ?? { status: 500, code: 'internal', message: 'The server failed to answer; its log says why.' };
  answerJson({ request, response }, status, { code, message });
}
