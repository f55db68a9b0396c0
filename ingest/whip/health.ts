import type { IncomingMessage, ServerResponse } from 'node:http';

import type { IngestHealth, StreamName } from '#core/bus/catalog.ts';
import { respond, respondError } from '#core/rtc/signalling/respond.ts';

/** Relation of the URL at which a publisher reads how it does; an extension of Millrace's (RFC 9725, 4.9). */
const HEALTH = 'urn:millrace:whip:health';

const pathPattern = /^\/whip\/[a-z0-9-]+\/([A-Za-z0-9_-]{32})\/health$/;

/** The value of `Link` that tells a publisher of it. */
export function healthLink(basePath: string, stream: StreamName, id: string): string {
  return `<${basePath}/whip/${stream}/${id}/health>; rel="${HEALTH}"`;
}

/**
 * Answers `GET /whip/<stream>/<id>/health`: bit rate, frame rate, round trip, loss and warnings as JSON, for who knows the session's
 * unguessable URL. 204 while nothing is known yet, 404 once the session is over.
 *
 * @returns false where the request is for something else.
 */
export function answerHealth(
  request: IncomingMessage,
  response: ServerResponse,
  basePath: string,
  session: (id: string) => { readonly health: IngestHealth | undefined } | undefined,
): boolean {
  const path = (request.url ?? '').replace(/[?#].*$/s, '');
  const id = pathPattern.exec(basePath !== '' && path.startsWith(`${basePath}/`) ? path.slice(basePath.length) : path)?.[1];
  if (id === undefined) {
    return false;
  }
  const found = session(id);
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    respondError(request, response, { status: 405, code: 'whip/method', message: 'Only GET and HEAD can be asked here.' }, { Allow: 'GET, HEAD' });
  } else if (!found) {
    respondError(request, response, { status: 404, code: 'whip/no-session', message: 'The session is over, or never was.' });
  } else if (!found.health) {
    respond(response, 204, {});
  } else {
    const { bitrate, frameRate, rtt, loss, warnings } = found.health;
    const body = { bitrate, frameRate, rttMillis: rtt ?? null, loss: loss ?? null, warnings: warnings.map(({ since, ...warning }) => ({ ...warning, since: new Date(since).toISOString() })) };
    respond(response, 200, { 'Content-Type': 'application/json; charset=utf-8' }, `${JSON.stringify(body)}\n`);
  }
  return true;
}
