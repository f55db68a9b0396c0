import type { IncomingMessage } from 'node:http';

import type { Millis } from '../../media/time.ts';
import { MAX_SDP_LENGTH } from '../sdp/lines.ts';
import { Refusal } from './refusal.ts';

const MAX_BYTES = MAX_SDP_LENGTH;

/** Thrown where the client went away: there is nobody to answer. */
export class ClientGone extends Error {}

/**
 * Reads a request's body as text.
 *
 * @throws {Refusal} 413 where it is too large, 408 where it does not come in time, 400 where it is not UTF-8.
 * @throws {ClientGone}
 */
export async function readBody(request: IncomingMessage, timeout: Millis): Promise<string> {
  if (Number(request.headers['content-length'] ?? 0) > MAX_BYTES) {
    throw tooLarge();
  }
  const bytes = await collect(request, timeout);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new Refusal(400, 'sdp/malformed', 'The body is not UTF-8.');
  }
}

function collect(request: IncomingMessage, timeout: Millis): Promise<Buffer> {
  if (request.destroyed) {
    return Promise.reject(new ClientGone('the client went away'));
  }
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const finish = (settle: () => void): void => {
      clearTimeout(timer);
      request.off('data', onData).off('end', onEnd).off('close', onGone).off('aborted', onGone).off('error', onGone);
      // What follows of a body that nobody wants must not hold up the connection, nor an error end the process.
      request.on('error', () => {});
      request.resume();
      settle();
    };
    const onData = (chunk: Buffer): void => {
      length += chunk.length;
      if (length > MAX_BYTES) {
        finish(() => reject(tooLarge()));
      } else {
        chunks.push(chunk);
      }
    };
    const onEnd = (): void => finish(() => resolve(Buffer.concat(chunks)));
    const onGone = (): void => finish(() => reject(new ClientGone('the client went away')));
    const timer = setTimeout(() => finish(() => reject(new Refusal(408, 'signalling/timeout', 'The body did not come in time.'))), timeout);
    request.on('data', onData).on('end', onEnd).on('close', onGone).on('aborted', onGone).on('error', onGone);
  });
}

function tooLarge(): Refusal {
  return new Refusal(413, 'sdp/too-large', `The body may have ${MAX_BYTES} bytes.`);
}
