import type { IncomingMessage, ServerResponse } from 'node:http';

import { parseRange } from './byte-range.ts';
import { OPEN_HEADERS, type Payload, type RawHeaders } from './payload.ts';

/** An error as every HTTP face of Millrace tells it. */
export type ErrorBody = { readonly code: string; readonly message: string };

/** Seconds after which an offline or overloaded answer may be tried again. */
export const RETRY_AFTER: RawHeaders = ['Retry-After', '1'];

/** Whether a client takes gzip. */
export function acceptsGzip(request: IncomingMessage): boolean {
  const accepted = request.headers['accept-encoding'];
  return typeof accepted === 'string' && accepted.includes('gzip') && !/gzip\s*;\s*q=0(\.0*)?\s*(,|$)/.test(accepted);
}

/** Sends a payload that every client gets alike, with what else is to be said now. Returns the bytes of the body that go out. */
export function sendPayload(request: IncomingMessage, response: ServerResponse, payload: Payload, cacheControl: string, more: RawHeaders = []): number {
  const form = payload.form(cacheControl, acceptsGzip(request));
  const { range } = request.headers;
  if (range !== undefined && form.bytes === payload.bytes) {
    const found = parseRange(range, form.bytes.length);
    if (found === 'unsatisfiable') {
      return sendError(response, 416, { code: 'http/range', message: 'The range lies outside the body.' }, ['Content-Range', `bytes */${form.bytes.length}`]);
    }
    if (found !== undefined) {
      const { first, last } = found;
      const bytes = form.bytes.subarray(first, last + 1);
      const headers = [...form.headers];
      headers[headers.indexOf('Content-Length') + 1] = String(bytes.length);
      headers.push('Content-Range', `bytes ${first}-${last}/${form.bytes.length}`);
      return send(request, response, 206, headers, bytes);
    }
  }
  return send(request, response, 200, more.length === 0 ? form.headers : [...form.headers, ...more], form.bytes);
}

/** Sends a body in one write; HEAD gets the headers alone. Returns the bytes of the body that go out. */
export function send(request: IncomingMessage, response: ServerResponse, status: number, headers: RawHeaders, body: Buffer): number {
  response.writeHead(status, headers as string[]);
  if (request.method === 'HEAD') {
    response.end();
    return 0;
  }
  response.end(body);
  return body.length;
}

/** Sends an error as JSON, with what any page may read of it. */
export function sendError(response: ServerResponse, status: number, error: ErrorBody, more: RawHeaders = []): number {
  return sendJson(response, status, error, ['Cache-Control', 'no-cache', ...more]);
}

/** Sends JSON that is made for this request. */
export function sendJson(response: ServerResponse, status: number, value: unknown, more: RawHeaders = []): number {
  const body = Buffer.from(`${JSON.stringify(value)}\n`);
  response.writeHead(status, ['Content-Type', 'application/json; charset=utf-8', 'Content-Length', String(body.length), ...OPEN_HEADERS, ...more]);
  // Node sends no body where the request is HEAD.
  response.end(body);
  return body.length;
}
