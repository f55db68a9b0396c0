import type { Exchange } from './exchange.ts';
import type { SchemaName } from './schemas.ts';

/** One documented answer of a route. */
export type DocumentedAnswer = {
  readonly description: string;
  readonly schema?: SchemaName;
  /** Default `application/json`. */
  readonly contentType?: string;
};

/** One endpoint: what the router serves and what the OpenAPI document says come from the same line. */
export type Route = {
  readonly method: 'get' | 'post';
  /** From the root, with `{stream}` for a stream's name. */
  readonly path: string;
  readonly operationId: string;
  readonly summary: string;
  readonly description: string;
  /** `open`: public facts. `more-with-token`: public facts, and with the token the private ones. `token`: only with it. */
  readonly access: 'open' | 'more-with-token' | 'token';
  readonly answers: Readonly<Record<number, DocumentedAnswer>>;
  readonly handle: (exchange: Exchange) => void | Promise<void>;
};
