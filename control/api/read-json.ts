import { ApiError } from './api-error.ts';
import type { Exchange } from './exchange.ts';

/**
 * Reads a body of JSON, at most `maxBytes` of it. How long it may take is the HTTP server's to bound.
 *
 * @throws {ApiError} `too-large` (413), `malformed` (400).
 */
export async function readJson({ request, response }: Pick<Exchange, 'request' | 'response'>, maxBytes: number): Promise<unknown> {
  const bytes = await readBody(request, maxBytes);
  if (bytes === undefined) {
    // What comes of the rest is dropped; over HTTP/1.1 the connection ends with the answer, so that it does not all have to come.
    request.resume();
    if (request.httpVersionMajor < 2) {
      response.setHeader('Connection', 'close');
    }
    throw new ApiError(413, 'too-large', `A body may have ${maxBytes} bytes here.`);
  }
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new ApiError(400, 'malformed', 'The body is not JSON in UTF-8.', {}, cause);
  }
}

/** The body, undefined where it is too large. */
async function readBody(request: Exchange['request'], maxBytes: number): Promise<Buffer | undefined> {
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) {
    return undefined;
  }
  const { promise, resolve, reject } = Promise.withResolvers<Buffer | undefined>();
  const chunks: Uint8Array[] = [];
  let length = 0;
  request.on('data', (chunk: Uint8Array) => {
    length += chunk.length;
    if (length > maxBytes) {
      resolve(undefined);
    } else {
      chunks.push(chunk);
    }
  });
  request.once('end', () => resolve(Buffer.concat(chunks)));
  // Not an iterator: one that is left before its end takes the connection with it.
  request.once('error', (cause) => reject(new ApiError(400, 'malformed', 'The body did not come whole.', {}, cause)));
  if (request.destroyed) {
    // It ended while others were asked whether it is allowed; nothing more will be told of it.
    reject(new ApiError(400, 'malformed', 'The body did not come whole.'));
  }
  request.once('close', () => reject(new ApiError(400, 'malformed', 'The body did not come whole.')));
  return promise;
}
