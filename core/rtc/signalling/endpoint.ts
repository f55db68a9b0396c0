import type { IncomingMessage, ServerResponse } from 'node:http';

import type { Millis } from '../../media/time.ts';
import type { Logger } from '../../runtime/log.ts';
import type { SessionFactory } from './session-factory.ts';

/** A STUN or TURN server that the answer's `Link` names (RFC 9725, 4.6). */
export type IceServer = { readonly url: string; readonly username?: string; readonly credential?: string };

/** What a {@link SignallingEndpoint} works with. */
export type SignallingOptions = {
  readonly protocol: 'whip' | 'whep';
  /** Path of the public URL, without a slash at the end; empty at the root. Goes before every `Location`. Default: empty. */
  readonly basePath?: string;
  readonly factory: SessionFactory;
  /** The client's address, where proxies are believed the one they tell. Default: the connection's. */
  readonly address?: (request: IncomingMessage) => string;
  /** Default: none. */
  readonly iceServers?: readonly IceServer[];
  /** A body must be there after this time. Default 10 s. */
  readonly bodyTimeout?: Millis;
  readonly log: Logger;
};

/**
 * The HTTP life of WHIP (RFC 9725) or WHEP (draft-ietf-wish-whep) sessions: `/whip...` or `/whep...` and all below it.
 * Needs no Express and works on HTTP/1.1 and on HTTP/2's compatibility objects.
 */
export class SignallingEndpoint {
  constructor(_options: SignallingOptions) {}

  /** Sessions that are open. */
  get size(): number {
    throw new Error('not yet');
  }

  /** Answers a request for a path of this protocol; any other goes to `next`, or gets 404 where there is none. */
  handle(_request: IncomingMessage, _response: ServerResponse, _next?: () => void): void {
    throw new Error('not yet');
  }

  /** Takes no more sessions and closes those that are open. Idempotent. */
  close(): Promise<void> {
    throw new Error('not yet');
  }
}
