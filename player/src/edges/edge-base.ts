/**
 * The base URL of an edge as it is compared: absolute, with a closing slash, without query; undefined for what a page at `home` cannot use: no
 * HTTP, or plain HTTP where the page came by HTTPS (browsers refuse mixed content).
 */
export function edgeBase(value: unknown, home: string): string | undefined {
  if (typeof value !== 'string' || !URL.canParse(value)) {
    return undefined;
  }
  const { protocol, origin, pathname } = new URL(value);
  const isFit = protocol === 'https:' || (protocol === 'http:' && !home.startsWith('https:'));
  return isFit ? `${origin}${pathname.endsWith('/') ? pathname : `${pathname}/`}` : undefined;
}
