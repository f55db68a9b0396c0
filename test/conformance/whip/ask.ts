import { expect } from 'vitest';

/** An answer, its body read. */
export type Answer = { readonly status: number; readonly headers: Headers; readonly body: string };

/** A question to a resource. */
export type Question = { readonly body?: string; readonly headers?: Readonly<Record<string, string>> };

/** Asks over plain HTTP, as any tool would; follows no redirection. */
export async function ask(method: string, url: string, { body, headers = {} }: Question = {}): Promise<Answer> {
  const response = await fetch(url, { method, headers, redirect: 'manual', ...(body === undefined ? {} : { body }), signal: AbortSignal.timeout(15_000) });
  return { status: response.status, headers: response.headers, body: await response.text() };
}

/** A session that was created. */
export type Created = Answer & { readonly url: string; readonly entityTag: string };

/** Takes the answer to a POST as a session that was created. */
export function created(answer: Answer, endpoint: string): Created {
  expect(answer.status, answer.body).toBe(201);
  const location = answer.headers.get('location') ?? '';
  return { ...answer, url: new URL(location, endpoint).href, entityTag: answer.headers.get('etag') ?? '' };
}

/** PATCH with a fragment. */
export function patch(session: Created, ifMatch: string | undefined, body: string, type = 'application/trickle-ice-sdpfrag'): Promise<Answer> {
  return ask('PATCH', session.url, { body, headers: { 'content-type': type, ...(ifMatch === undefined ? {} : { 'if-match': ifMatch }) } });
}

/** The code of an error, which every refusal names. */
export function codeOf({ body }: Answer): string {
  const { code, message } = JSON.parse(body) as { readonly code: unknown; readonly message: unknown };
  expect(typeof message).toBe('string');
  return String(code);
}

/** Values of an attribute, in their order. */
export function attributes(sdp: string, name: string): string[] {
  return sdp.split('\r\n').filter((line) => line === `a=${name}` || line.startsWith(`a=${name}:`)).map((line) => line.slice(name.length + 3));
}

/** The sections of a description: the session's, then one for each m-line. */
export function sections(sdp: string): string[] {
  return sdp.split(/(?=^m=)/m);
}

/** A trickle fragment (RFC 8840) with candidates of every kind that clients send. */
export function trickleFragment(ice: readonly string[] = []): string {
  return [
    ...ice,
    'm=audio 9 UDP/TLS/RTP/SAVPF 0',
    'a=mid:0',
    'a=candidate:1 1 udp 2122194687 192.0.2.33 61765 typ host generation 0',
    'a=candidate:2 1 tcp 1518280447 192.0.2.33 9 typ host tcptype active',
    'a=candidate:3 1 udp 2122194687 4a3f1c9e-7d5b-4b62-8b0c-0a8f1d2e3c4b.local 61765 typ host',
    'a=end-of-candidates',
    '',
  ].join('\r\n');
}

/** A fragment that restarts ICE. */
export function restartFragment(ufrag: string): string {
  return trickleFragment(['a=ice-options:trickle', `a=ice-ufrag:${ufrag}`, 'a=ice-pwd:0123456789abcdefghijklmn']);
}
