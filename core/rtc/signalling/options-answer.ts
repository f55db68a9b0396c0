import type { IncomingMessage, ServerResponse } from 'node:http';

import { FRAGMENT_TYPE, respond, SDP_TYPE, type Fields } from './respond.ts';

/** Methods of the two kinds of resource, as `Allow` lists them. */
export const ALLOWED = {
  endpoint: 'OPTIONS, GET, HEAD, POST',
  session: 'OPTIONS, GET, HEAD, PATCH, DELETE',
} as const;

/** Seconds for which a browser may remember a preflight's answer; it uses two hours at most. */
const MAX_AGE = '7200';

/**
 * Answers OPTIONS: a browser's preflight, or a client that looks what is here. RFC 9725, 4.2: the answer "SHOULD include
 * an 'Accept-Post' header with a media type value of 'application/sdp'".
 */
export function respondOptions(request: IncomingMessage, response: ServerResponse, kind: 'endpoint' | 'session', links: readonly string[]): void {
  const { headers } = request;
  const isPreflight = headers['access-control-request-method'] !== undefined;
  const fields: Fields = {
    'Allow': ALLOWED[kind],
    'Access-Control-Allow-Methods': ALLOWED[kind],
    // A `*` does not cover Authorization.
    'Access-Control-Allow-Headers': 'Authorization, Content-Type, If-Match, Link',
    'Access-Control-Max-Age': MAX_AGE,
    ...(kind === 'endpoint' ? { 'Accept-Post': SDP_TYPE } : { 'Accept-Patch': FRAGMENT_TYPE }),
    // A page of the public web that asks a server of the local network (Private Network Access).
    ...(headers['access-control-request-private-network'] === 'true' ? { 'Access-Control-Allow-Private-Network': 'true' } : {}),
    // RFC 9725, 4.6: "SHOULD NOT return the STUN/TURN server configuration if the OPTIONS request is a preflight".
    ...(kind === 'endpoint' && !isPreflight && links.length > 0 ? { Link: links } : {}),
  };
  respond(response, 204, fields);
}
