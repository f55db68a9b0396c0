/** Extensions that the server offers for a session, absolute URLs. */
export type WhepLinks = {
  readonly events: string | undefined;
  readonly layer: string | undefined;
  /** Among the events is `clock`: when what has which RTP timestamp was captured. */
  readonly tellsClock: boolean;
};

/** The relation types of the WHEP extensions end so, under whichever version of their namespace. */
const relations = { events: ':server-sent-events', layer: ':layer' } as const;

/** Reads the extensions out of a `Link` header (RFC 8288), against the URL of the answer that carried it. */
export function parseLinks(header: string | null, base: string): WhepLinks {
  const found: { events: string | undefined; layer: string | undefined; tellsClock: boolean } = { events: undefined, layer: undefined, tellsClock: false };
  for (const [, target = '', parameters = ''] of (header ?? '').matchAll(/<([^>]*)>((?:\s*;\s*[\w*-]+(?:=(?:"[^"]*"|[^\s",;]+))?)*)/g)) {
    const relation = /;\s*rel="?([^";]+)"?/i.exec(parameters)?.[1]?.trim() ?? '';
    for (const name of ['events', 'layer'] as const) {
      if (relation.endsWith(relations[name]) && URL.canParse(target, base)) {
        found[name] ??= new URL(target, base).href;
        found.tellsClock ||= name === 'events' && /;\s*events="?(?:[^"]*,)?\s*clock\s*[,"]/.test(`${parameters}"`);
      }
    }
  }
  return found;
}

/** Base URL of the server that a WHEP endpoint is at. */
export function serverOf(endpoint: string): string {
  return endpoint.replace(/whep\/[^/?]*(\?.*)?$/, '');
}

/**
 * The session's URL. The server answers an absolute path (`/whep/...`) that knows nothing of a base path which a proxy puts
 * before it: then the offer's own base path is put before it too.
 */
export function resourceUrl(location: string, offered: string): string {
  const url = new URL(location, offered);
  const base = new URL(offered).pathname.replace(/whep\/[^/]*$/, '');
  if (url.origin === new URL(offered).origin && url.pathname.startsWith('/whep/') && !url.pathname.startsWith(base)) {
    url.pathname = base + url.pathname.slice(1);
  }
  return url.href;
}
