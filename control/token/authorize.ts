import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/** As much of a request as authorisation reads; fits HTTP/1.1, HTTP/2 and express. */
export type WithHeaders = { readonly headers: Pick<IncomingHttpHeaders, 'authorization'> };

/** Tells what a request may see: `token` with the right one, `none` where it presents nothing, `wrong` otherwise. */
export type Authorization = 'token' | 'none' | 'wrong';

/**
 * Makes the check of `Authorization: Bearer <token>` (RFC 6750, 2.1). The address never counts: behind a reverse proxy the
 * whole world looks like loopback. No limit on attempts: the token has 256 random bits.
 */
export function authorizer(token: string): (request: WithHeaders) => Authorization {
  const expected = digest(token);
  return ({ headers }) => {
    if (headers.authorization === undefined) {
      return 'none';
    }
    // Digests are of equal length whatever was presented, so the comparison takes the same time.
    return timingSafeEqual(digest(bearerOf({ headers }) ?? ''), expected) ? 'token' : 'wrong';
  };
}

/** What a request presents as `Authorization: Bearer`; undefined where it is not of that form. */
export function bearerOf({ headers }: WithHeaders): string | undefined {
  return /^Bearer +([A-Za-z0-9._~+/-]+=*) *$/i.exec(headers.authorization ?? '')?.[1];
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
