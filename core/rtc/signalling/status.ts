import { MillraceError } from '../../runtime/errors.ts';
import { Refusal } from './refusal.ts';

/** How an error is answered. */
export type HttpError = {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly retryAfter?: number;
  readonly location?: string;
};

/** Codes thrown below signalling, and their statuses. Whoever knows better throws a `Refusal`. */
const statuses: ReadonlyMap<string, number> = new Map([
  ['sdp/malformed', 400],
  ['sdp/too-large', 413],
  // RFC 9725, 4.4.2 and 4.4.3: "422 Unprocessable Content" or "400 Bad Request". Not 406, by which WHEP begins a counter-offer.
  ['sdp/unsupported', 422],
  ['sdp/no-common-codec', 422],
  ['rtc/bad-peer', 400],
  ['rtc/too-many-sessions', 503],
  ['rtc/stopping', 503],
  ['publish/malformed-key', 401],
  ['publish/unknown-key', 401],
  ['publish/too-many-attempts', 429],
  // Nobody could check the key: it may be right.
  ['publish/unavailable', 503],
]);

/** Seconds that a client is asked to wait where the error does not say. */
const retryAfters: ReadonlyMap<number, number> = new Map([
  [409, 1],
  [429, 10],
  [503, 5],
]);

/** What an error is to an HTTP client; undefined where it is the server's own fault. */
export function statusOf(error: unknown): HttpError | undefined {
  if (!(error instanceof MillraceError)) {
    return undefined;
  }
  const { code, message } = error;
  const status = error instanceof Refusal ? error.status : statuses.get(code);
  if (status === undefined) {
    return undefined;
  }
  const retryAfter = (error instanceof Refusal ? error.retryAfter : undefined) ?? retryAfters.get(status);
  const location = error instanceof Refusal ? error.location : undefined;
  return { status, code, message, ...(retryAfter === undefined ? {} : { retryAfter }), ...(location === undefined ? {} : { location }) };
}
