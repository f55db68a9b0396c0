import { readRefusal, WhipRefusal } from './whip-refusal.ts';

/** A session at the server. */
export type WhipResource = {
  /** Absolute. */
  readonly url: string;
  readonly key: string;
};

/**
 * Offers a session (RFC 9725, 4.2).
 *
 * @throws WhipRefusal - refused, or not answered as the RFC says
 * @throws TypeError, DOMException - the server cannot be reached; given up
 */
export async function postOffer(url: string, key: string, sdp: string, signal: AbortSignal): Promise<{ readonly sdp: string; readonly resource: WhipResource }> {
  const headers = { 'Content-Type': 'application/sdp', 'Accept': 'application/sdp', ...bearer(key) };
  const response = await fetch(url, { method: 'POST', headers, body: sdp, cache: 'no-store', signal });
  const body = await response.text();
  if (response.status !== 201) {
    throw readRefusal(response.status, body, response.headers.get('Retry-After'));
  }
  const base = new URL(response.url || url, globalThis.location.href).href;
  const location = response.headers.get('Location');
  if (location === null || !URL.canParse(location, base)) {
    throw new WhipRefusal(201, 'studio/no-session', 'The answer names no session.');
  }
  return { sdp: body, resource: { url: sessionUrl(location, base), key } };
}

/**
 * Restarts ICE (RFC 9725, 4.3.3); resolves to the server's fragment.
 *
 * @throws WhipRefusal - the session is gone, or does not restart
 * @throws TypeError, DOMException - the server cannot be reached; given up
 */
export async function patchRestart({ url, key }: WhipResource, fragment: string, signal: AbortSignal): Promise<string> {
  const headers = { 'Content-Type': 'application/trickle-ice-sdpfrag', 'If-Match': '*', ...bearer(key) };
  const response = await fetch(url, { method: 'PATCH', headers, body: fragment, cache: 'no-store', signal });
  const body = await response.text();
  if (response.status !== 200) {
    throw readRefusal(response.status, body, response.headers.get('Retry-After'));
  }
  return body;
}

/** Ends a session; also while the page is being left. Resolves when the server knows of it, or cannot be told. */
export async function deleteSession({ url, key }: WhipResource): Promise<void> {
  try {
    await fetch(url, { method: 'DELETE', headers: bearer(key), keepalive: true });
  } catch {
    // The server finds out by itself.
  }
}

/**
 * The session's URL. The server's answer may know nothing of a base path that a proxy puts before it: then the offer's own is
 * put before it too.
 */
export function sessionUrl(location: string, offered: string): string {
  const url = new URL(location, offered);
  const { origin, pathname } = new URL(offered);
  const base = pathname.replace(/whip(?:\/[^/]*)?$/, '');
  if (url.origin === origin && url.pathname.startsWith('/whip/') && !url.pathname.startsWith(base)) {
    url.pathname = base + url.pathname.slice(1);
  }
  return url.href;
}

/** RFC 9725, 4.5: the token goes with every request of the session. */
function bearer(key: string): { readonly Authorization: string } {
  return { Authorization: `Bearer ${key}` };
}
