import type { IncomingMessage, ServerResponse } from 'node:http';

import type { HttpError } from './status.ts';

/** Media type of offers and answers (RFC 8866, 8.1). */
export const SDP_TYPE = 'application/sdp';

/** Media type of trickled candidates and ICE restarts (RFC 8840, 10). */
export const FRAGMENT_TYPE = 'application/trickle-ice-sdpfrag';

/** Header fields by name; a list is written as one field each. */
export type Fields = Readonly<Record<string, string | readonly string[]>>;

/** What any page may read of an answer. */
const OPEN_FIELDS: Fields = {
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Expose-Headers': 'Date, Age, Location, ETag, Link, Retry-After, Accept-Post, Accept-Patch, WWW-Authenticate',
  'Timing-Allow-Origin': '*',
};

/** Writes a whole answer; a body that nobody waits for any more goes nowhere. */
export function respond(response: ServerResponse, status: number, fields: Fields, body = ''): void {
  if (response.headersSent || response.destroyed) {
    return;
  }
  response.statusCode = status;
  for (const [name, value] of Object.entries({ ...OPEN_FIELDS, 'Cache-Control': 'no-store', ...fields })) {
    response.setHeader(name, value as string | string[]);
  }
  // RFC 9110, 8.6: "A server MUST NOT send a Content-Length header field in any response with a status code of [...] 204".
  if (status !== 204) {
    response.setHeader('Content-Length', String(Buffer.byteLength(body)));
  }
  response.end(body);
}

/** Answers with an error: `{code, message}` as every HTTP face of Millrace tells it. */
export function respondError(request: IncomingMessage, response: ServerResponse, error: HttpError, fields: Fields = {}): void {
  const { status, code, message, retryAfter, location } = error;
  respond(
    response,
    status,
    {
      'Content-Type': 'application/json; charset=utf-8',
      ...(retryAfter === undefined ? {} : { 'Retry-After': String(retryAfter) }),
      ...(location === undefined ? {} : { Location: location }),
      // What is left of a body that was not read is not to be taken for the next request. HTTP/2 has no such field.
      ...((status === 408 || status === 413) && request.httpVersionMajor < 2 ? { Connection: 'close' } : {}),
      ...fields,
    },
    `${JSON.stringify({ code, message })}\n`,
  );
}

/** A request's media type without parameters, in lower case. */
export function mediaTypeOf(request: IncomingMessage): string {
  return (request.headers['content-type'] ?? '').replace(/;.*$/s, '').trim().toLowerCase();
}
