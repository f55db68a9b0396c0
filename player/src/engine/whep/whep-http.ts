import { EngineError } from '../engine-error.ts';
import { failureFromWhep } from '../failure.ts';
import { parseLinks, resourceUrl } from './whep-links.ts';
import type { WhepLinks } from './whep-links.ts';

/** What the server made of an offer. */
export type WhepAnswer = {
  readonly sdp: string;
  /** The session's URL, absolute. */
  readonly resource: string;
  readonly links: WhepLinks;
  /** Where the offer was answered in the end: servers send it on to others. */
  readonly url: string;
};

/**
 * Offers a session (draft-ietf-wish-whep, 4.2).
 *
 * @throws EngineError - refused, or not answered as the draft says
 * @throws TypeError, DOMException - the server cannot be reached; given up
 */
export async function postOffer(url: string, sdp: string, signal: AbortSignal): Promise<WhepAnswer> {
  const response = await fetch(url, { method: 'POST', headers: { 'Content-Type': 'application/sdp', Accept: 'application/sdp' }, body: sdp, cache: 'no-store', signal });
  const body = await response.text();
  if (response.status !== 201) {
    throw new EngineError(failureFromWhep(response.status, body, response.headers.get('Retry-After')));
  }
  const location = response.headers.get('Location');
  if (location === null || !URL.canParse(location, response.url || url)) {
    throw new EngineError({ kind: 'unfit', detail: 'the answer names no session' });
  }
  const base = new URL(response.url || url, globalThis.location.href).href;
  const { events, layer, tellsClock } = parseLinks(response.headers.get('Link'), base);
  const near = (link: string | undefined): string | undefined => (link === undefined ? undefined : resourceUrl(link, base));
  return { url: base, sdp: body, resource: resourceUrl(location, base), links: { events: near(events), layer: near(layer), tellsClock } };
}

/**
 * Restarts ICE (RFC 9725, 4.3.3); resolves to the server's fragment.
 *
 * @throws EngineError - the session is gone, or does not restart
 * @throws TypeError, DOMException - the server cannot be reached; given up
 */
export async function patchRestart(resource: string, fragment: string, signal: AbortSignal): Promise<string> {
  const headers = { 'Content-Type': 'application/trickle-ice-sdpfrag', 'If-Match': '*' };
  const response = await fetch(resource, { method: 'PATCH', headers, body: fragment, cache: 'no-store', signal });
  const body = await response.text();
  if (response.status !== 200) {
    throw new EngineError({ kind: 'network', detail: `ICE restart: HTTP ${response.status}` });
  }
  return body;
}

/** Ends a session; also while the page is being left. */
export function deleteSession(resource: string): void {
  // A page that is left waits for no answer, and one that stays needs none: the server finds out by itself.
  fetch(resource, { method: 'DELETE', keepalive: true }).catch(() => undefined);
}
