import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';

/** A request and its answer, as far as the API uses them: the same over HTTP/1.1 and HTTP/2. */
export type Exchange = {
  readonly request: Pick<IncomingMessage, 'method' | 'headers' | 'httpVersionMajor'> & Readable;
  readonly response: ServerResponse;
  /** Value of `{stream}` in the route's path, not yet judged; empty where the path has none. */
  readonly stream: string;
  /** Value of `{id}` likewise. */
  readonly id: string;
  readonly query: URLSearchParams;
  /** Of the client, as far as the proxies in between are trusted. */
  readonly address: string;
  /** True where the connection comes from a proxy that is trusted: what its headers say is believed. */
  readonly proxied: boolean;
  /** What the app is mounted under, without a slash at its end. */
  readonly baseUrl: string;
  /** True where the right token was presented. */
  readonly authorized: boolean;
};

/** Answers with nothing but the status. */
export function answerEmpty({ response }: Pick<Exchange, 'response'>): void {
  response.statusCode = 204;
  response.end();
}

/** Answers with JSON. Headers are set before. */
export function answerJson({ request, response }: { readonly request: Pick<IncomingMessage, 'method'>; readonly response: ServerResponse }, status: number, body: unknown): void {
  const bytes = Buffer.from(`${JSON.stringify(body)}\n`);
  response.statusCode = status;
  response.setHeader('Content-Type', 'application/json; charset=utf-8');
  response.setHeader('Content-Length', bytes.length);
  response.setHeader('X-Content-Type-Options', 'nosniff');
  response.end(request.method === 'HEAD' ? undefined : bytes);
}
