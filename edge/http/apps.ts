import { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import type { IncomingMessage, ServerResponse } from 'node:http';

import express, { type Express, type RequestHandler } from 'express';

import type { Logger } from '#core/runtime/log.ts';

import { sendError } from './answer.ts';
import type { TrustProxy } from './client-address.ts';

/** Express routers and handlers, as other stages bring them. */
export type AppHandler = RequestHandler;

/** Passes a request through the apps; `fallback` answers where none of them does. */
export type AppRunner = (request: IncomingMessage, response: ServerResponse, fallback: () => void) => void;

/**
 * Runs Express routers on HTTP/1.1 and HTTP/2. Express 5 gives each request the prototype of an HTTP/1.1 message, which
 * breaks HTTP/2's, so there is one application for each.
 */
export function appRunner(handlers: readonly AppHandler[], options: { readonly trustProxy: TrustProxy; readonly log: Logger }): AppRunner {
  const http1 = application(handlers, options.trustProxy);
  const http2 = application(handlers, options.trustProxy);
  Object.setPrototypeOf(http2.request, onPrototype(express.request, Http2ServerRequest.prototype));
  Object.setPrototypeOf(http2.response, onPrototype(express.response, Http2ServerResponse.prototype));
  return (request, response, fallback) => {
    const done = (error?: unknown): void => {
      if (error === undefined || error === null) {
        fallback();
      } else {
        fail(request, response, error, options.log);
      }
    };
    // Not by the version: an HTTP/1 request line may claim `HTTP/2.0`.
    if ((request as IncomingMessage | Http2ServerRequest) instanceof Http2ServerRequest) {
      request.headers.host ??= request.headers[':authority'] as string | undefined;
      if (request.method !== 'GET' && request.method !== 'HEAD' && request.headers['content-length'] === undefined) {
        // Body parsers look for a body by these two headers, and HTTP/2 needs neither.
        request.headers['transfer-encoding'] = 'chunked';
      }
      run(http2, request, response, done);
    } else {
      run(http1, request, response, done);
    }
  };
}

function application(handlers: readonly AppHandler[], trustProxy: TrustProxy): Express {
  const app = express();
  app.disable('x-powered-by');
  app.set('trust proxy', trustProxy === true ? 1 : trustProxy);
  for (const handler of handlers) {
    app.use(handler);
  }
  return app;
}

function run(app: Express, request: IncomingMessage, response: ServerResponse, done: (error?: unknown) => void): void {
  (app as unknown as (request: IncomingMessage, response: ServerResponse, done: (error?: unknown) => void) => void)(request, response, done);
}

/** Express's methods on another prototype. */
function onPrototype(methods: object, prototype: object): object {
  return Object.create(prototype, Object.getOwnPropertyDescriptors(methods)) as object;
}

function fail(request: IncomingMessage, response: ServerResponse, error: unknown, log: Logger): void {
  const status = statusOf(error);
  if (status >= 500) {
    log.error({ err: error, method: request.method }, 'A request failed');
  }
  if (response.headersSent) {
    response.destroy();
    return;
  }
  sendError(response, status, status >= 500 ? { code: 'http/internal', message: 'The server failed to answer.' } : { code: 'http/malformed', message: 'The request is malformed.' });
}

/** Express and its parsers put a status on errors that are the client's fault. */
function statusOf(error: unknown): number {
  const status = typeof error === 'object' && error !== null && 'status' in error ? error.status : undefined;
  return typeof status === 'number' && status >= 400 && status < 600 ? status : 500;
}
