import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';

import { send } from '../http/answer.ts';
import { OPEN_HEADERS } from '../http/payload.ts';

/** A JPEG to be sent. */
export type Picture = { readonly bytes: Buffer; readonly etag: string };

/** A JPEG with the tag that its contents give it. */
export function pictureOf(bytes: Buffer): Picture {
  return { bytes, etag: `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"` };
}

/** Sends a picture, or 304 to a client that has it (RFC 9110, 13.1.2). Returns the status. */
export function sendPicture(request: IncomingMessage, response: ServerResponse, { bytes, etag }: Picture, cacheControl: string): number {
  const headers = ['ETag', etag, 'Cache-Control', cacheControl, ...OPEN_HEADERS];
  if (hasIt(request.headers['if-none-match'], etag)) {
    send(request, response, 304, headers, Buffer.alloc(0));
    return 304;
  }
  send(request, response, 200, ['Content-Type', 'image/jpeg', 'Content-Length', String(bytes.length), ...headers], bytes);
  return 200;
}

/** RFC 9110, 13.1.2: "A recipient MUST use the weak comparison function". */
function hasIt(ifNoneMatch: string | undefined, etag: string): boolean {
  return ifNoneMatch !== undefined && ifNoneMatch.split(',').some((tag) => tag.trim() === '*' || tag.trim().replace(/^W\//, '') === etag);
}
