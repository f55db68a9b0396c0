import type { IncomingMessage, ServerResponse } from 'node:http';

/** A request and its answer, as far as the API uses them: the same over HTTP/1.1 and HTTP/2. */
export type Exchange = {
  readonly request: Pick<IncomingMessage, 'method' | 'headers'>;
  readonly response: ServerResponse;
  /** Value of `{stream}` in the route's path, not yet judged. */
  readonly stream: string;
  /** Of the client, as far as the proxies in between are trusted. */
  readonly address: string;
  /** What the app is mounted under, without a slash at its end. */
  readonly baseUrl: string;
  /** True where the right token was presented. */
  readonly authorized: boolean;
};

/** Answers with JSON. Headers are set before. */
export function answerJson({ request, response }: Pick<Exchange, 'request' | 'response'>, status: number, body: unknown): void {
  const bytes = Buffer.from(`${JSON.stringify(body)}\n`);
  response.statusCode = status;
  response.setHeader('Content-Type', 'application/json; charset=utf-8');
  response.setHeader('Content-Length', bytes.length);
  response.setHeader('X-Content-Type-Options', 'nosniff');
  response.end(request.method === 'HEAD' ? undefined : bytes);
}
