import type { Exchange } from './exchange.ts';
import type { SchemaName } from './schemas.ts';

/** One documented answer of a route. */
export type DocumentedAnswer = {
  readonly description: string;
  readonly schema?: SchemaName;
  /** Default `application/json`. */
  readonly contentType?: string;
  /** True where there is no body. */
  readonly empty?: boolean;
};

/** One endpoint: what the router serves and what the OpenAPI document says come from the same line. */
export type Route = {
  readonly method: 'get' | 'post' | 'delete';
  /** From the root, with `{stream}` for a stream's name and `{id}` for a recording's. */
  readonly path: string;
  readonly operationId: string;
  readonly summary: string;
  readonly description: string;
  /**
   * `open`: public facts. `more-with-token`: public facts, and with the token or a key of the stream the private ones. `token-or-key`: only with one of
   * these. `token`: only with the token.
   */
  readonly access: 'open' | 'more-with-token' | 'token-or-key' | 'token';
  /** Parameters of the query. */
  readonly query?: readonly { readonly name: string; readonly description: string }[];
  /** Schema of the JSON that is sent. */
  readonly body?: SchemaName;
  readonly answers: Readonly<Record<number, DocumentedAnswer>>;
  readonly handle: (exchange: Exchange) => void | Promise<void>;
};
