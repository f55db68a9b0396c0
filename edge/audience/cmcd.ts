/** A session id longer than the 64 characters that CTA-5004 allows is not one. */
const MAX_SESSION_ID = 64;

/**
 * The session id (`sid`) that a player sends as Common Media Client Data (CTA-5004): in the query's `CMCD` parameter or
 * in the header `CMCD-Session`. Undefined where there is none or it is malformed.
 */
export function sessionIdOf(query: string, header: string | undefined): string | undefined {
  const data = header ?? queryData(query);
  if (data === undefined) {
    return undefined;
  }
  const at = data.startsWith('sid="') ? 5 : data.indexOf(',sid="') + 6;
  const end = at < 6 && !data.startsWith('sid="') ? -1 : data.indexOf('"', at);
  return end > at && end - at <= MAX_SESSION_ID ? data.slice(at, end) : undefined;
}

function queryData(query: string): string | undefined {
  const start = query.startsWith('CMCD=') ? 5 : query.indexOf('&CMCD=') + 6;
  if (start < 6 && !query.startsWith('CMCD=')) {
    return undefined;
  }
  const end = query.indexOf('&', start);
  try {
    return decodeURIComponent(end < 0 ? query.slice(start) : query.slice(start, end));
  } catch {
    return undefined;
  }
}
