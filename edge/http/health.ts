import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Registry } from 'prom-client';

import type { Clock } from '#core/media/time.ts';

import { send, sendError, sendJson } from './answer.ts';
import { OPEN_HEADERS, type RawHeaders } from './payload.ts';

const NO_STORE: RawHeaders = ['Cache-Control', 'no-store'];

/** What the operator's endpoints ask. */
export type HealthOptions = {
  readonly clock: Clock;
  readonly registry: Registry;
  /** Whether the server can serve viewers now. */
  readonly ready: () => boolean;
  /** Whether a request may read what is not public. */
  readonly authorize: (request: IncomingMessage) => boolean;
};

type Endpoint = (request: IncomingMessage, response: ServerResponse) => void;

/** `/healthz`, `/readyz`, `/time` and `/metrics`, by path. */
export function healthEndpoints(options: HealthOptions): ReadonlyMap<string, Endpoint> {
  return new Map<string, Endpoint>([
    ['/healthz', (request, response) => plain(request, response, 200, 'ok\n')],
    ['/readyz', (request, response) => (options.ready() ? plain(request, response, 200, 'ready\n') : plain(request, response, 503, 'not ready\n'))],
    ['/time', (request, response) => time(request, response, options.clock)],
    ['/metrics', (request, response) => metrics(request, response, options)],
  ]);
}

/** The present time: as text the UTCTiming scheme `urn:mpeg:dash:utc:http-iso:2014` reads it; as JSON where asked for. */
function time(request: IncomingMessage, response: ServerResponse, clock: Clock): void {
  const now = clock();
  const iso = new Date(now).toISOString();
  if (request.headers.accept?.includes('application/json') === true) {
    sendJson(response, 200, { time: iso, ms: now }, NO_STORE);
  } else {
    plain(request, response, 200, iso);
  }
}

function metrics(request: IncomingMessage, response: ServerResponse, { registry, authorize }: HealthOptions): void {
  if (!authorize(request)) {
    sendError(response, 401, { code: 'http/unauthorized', message: 'The metrics need the API token: Authorization: Bearer <token>.' }, ['WWW-Authenticate', 'Bearer']);
    return;
  }
  writeMetrics(request, response, registry);
}

/** Answers with a registry's metrics in Prometheus' text format. */
export function writeMetrics(request: IncomingMessage, response: ServerResponse, registry: Registry): void {
  registry.metrics().then(
    (text) => {
      const body = Buffer.from(text);
      send(request, response, 200, ['Content-Type', registry.contentType, 'Content-Length', String(body.length), ...NO_STORE], body);
    },
    () => sendError(response, 500, { code: 'http/internal', message: 'The metrics cannot be collected.' }),
  );
}

function plain(request: IncomingMessage, response: ServerResponse, status: number, text: string): void {
  const body = Buffer.from(text);
  send(request, response, status, ['Content-Type', 'text/plain; charset=utf-8', 'Content-Length', String(body.length), ...OPEN_HEADERS, ...NO_STORE], body);
}
