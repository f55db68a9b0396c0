import type { RawHeaders } from '../payload.ts';
import { VIEWER_HEADER } from './inner-server.ts';

/** Headers that are for one connection only (RFC 9110, 7.6.1), with those that say how a message is framed on it. */
const HOP_BY_HOP = new Set(['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'expect', 'http2-settings']);

/**
 * The headers of a message that are meant for its other end. "Intermediaries MUST parse a received Connection header field" and remove what it names (RFC 9110, 7.6.1); HTTP/2's pseudo-headers
 * are no headers here.
 */
export function endToEnd(raw: RawHeaders): string[] {
  const named = namedByConnection(raw);
  const kept: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const [name = '', value = ''] = [raw[i], raw[i + 1]];
    const lower = name.toLowerCase();
    if (!name.startsWith(':') && !HOP_BY_HOP.has(lower) && !named.has(lower) && lower !== VIEWER_HEADER) {
      kept.push(name, value);
    }
  }
  return kept;
}

/** Raw headers by name, as HTTP/2's compatibility API takes them: what comes several times as a list. */
export function byName(raw: RawHeaders): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = Object.create(null) as Record<string, string | string[]>;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const [name = '', value = ''] = [raw[i]?.toLowerCase(), raw[i + 1]];
    const before = headers[name];
    headers[name] = before === undefined ? value : [...(Array.isArray(before) ? before : [before]), value];
  }
  return headers;
}

/** What is never an option of a connection: "a sender MUST NOT send a connection option" that all recipients need. */
const NEEDED = new Set(['host', 'content-length', 'content-type', 'authorization', 'cookie', 'x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'forwarded']);

function namedByConnection(raw: RawHeaders): ReadonlySet<string> {
  const named = new Set<string>();
  for (let i = 0; i + 1 < raw.length; i += 2) {
    if (raw[i]?.toLowerCase() === 'connection') {
      for (const option of raw[i + 1]?.split(',') ?? []) {
        const name = option.trim().toLowerCase();
        if (!NEEDED.has(name)) {
          named.add(name);
        }
      }
    }
  }
  return named;
}
