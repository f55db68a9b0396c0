import type { Answer } from './observation.ts';

/** What a question may carry. */
export type AskOptions = { readonly method?: 'GET' | 'HEAD' | 'OPTIONS'; readonly headers?: Readonly<Record<string, string>>; readonly signal?: AbortSignal };

/** Asks a server. */
export type Ask = (url: string, options?: AskOptions) => Promise<Answer>;

/** Asks by `fetch`. Compressed answers come unpacked, with their `Content-Encoding` still told. */
export const askByFetch: Ask = async (url, options = {}) => {
  const requestedAt = performance.now();
  const response = await fetch(url, { ...options, redirect: 'error' });
  const bytes = new Uint8Array(await response.arrayBuffer());
  return { url, status: response.status, headers: Object.fromEntries(response.headers), bytes, requestedAt, receivedAt: performance.now() };
};

/** An answer's bytes as text. */
export function textOf({ bytes }: Answer): string {
  return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
}

/** A URL with delivery directives (rfc8216bis, 6.2.5). */
export function withDirectives(url: string, directives: Readonly<Record<string, number | string>>): string {
  const asked = new URL(url);
  Object.entries(directives).forEach(([name, value]) => asked.searchParams.set(`_HLS_${name}`, `${value}`));
  return asked.href;
}
