import { httpRequest } from './http-corpus.ts';
import type { Random } from './mutate.ts';

/**
 * Several requests over one connection, sent in one go: well-formed ones, among them such as wait for media, with malformed
 * ones between or at the end. What state a parser and a keep-alive connection keep between requests is tried so.
 */
export function httpConversation(random: Random, stream: string, broadcast: string): Uint8Array {
  const track = `/live/${stream}/${broadcast}/video`;
  const parts: Uint8Array[] = [];
  for (let left = 2 + random.int(12); left > 0; left -= 1) {
    if (random.chance(0.75)) {
      parts.push(new TextEncoder().encode(wellFormed(random, track, stream)));
    } else {
      parts.push(httpRequest(random, stream, broadcast));
    }
  }
  return Buffer.concat(parts);
}

function wellFormed(random: Random, track: string, stream: string): string {
  const now = Math.floor(Date.now() / 1000);
  const target = random.pick([
    `/live/${stream}/master.m3u8`,
    `${track}/index.m3u8`,
    `${track}/index.m3u8?_HLS_msn=${now - 2 + random.int(6)}`,
    `${track}/index.m3u8?_HLS_msn=${now - 2 + random.int(6)}&_HLS_part=${random.int(20)}&_HLS_skip=YES`,
    `${track}/${now - random.int(30)}.m4s`,
    `${track}/${now - random.int(4)}.${random.int(6)}.m4s`,
    `/api/v1/streams/${stream}`,
    `/api/v1/streams/${stream}/events`,
    '/time',
    '/',
  ]);
  const method = random.pick(['GET', 'GET', 'GET', 'HEAD', 'OPTIONS', 'POST']);
  const body = method === 'POST' ? random.pick(['Content-Length: 5\r\n\r\nhello', 'Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n']) : '\r\n';
  const range = random.chance(0.2) ? `Range: bytes=${random.int(500)}-${random.chance(0.5) ? random.int(90_000) : ''}\r\n` : '';
  return `${method} ${target} HTTP/1.1\r\nHost: localhost\r\n${range}${body}`;
}
