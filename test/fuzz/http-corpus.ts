import { mutate, type Random } from './mutate.ts';

/** Paths that the server knows, and neighbours that it should not. `S` and `B` stand for a live stream and its broadcast. */
const PATHS = [
  '/', '/watch/S', '/embed/S', '/time', '/healthz', '/readyz', '/metrics', '/api/v1/streams', '/api/v1/streams/S', '/api/v1/openapi.json',
  '/live/S/master.m3u8', '/live/S/B/video/index.m3u8', '/live/S/B/audio/index.m3u8', '/live/S/B/video/init-0123456789abcdef.mp4',
  '/live/S/B/video/1700000000.m4s', '/live/S/B/video/1700000000.0.m4s', '/live/S/~token/master.m3u8', '/live/S/~/master.m3u8',
  '/live/../../etc/passwd', '/live/%2e%2e/%2e%2e/etc/passwd', '/live/S/%00', '/live/S/B/video/99999999999999999999.m4s', '/live//', '/live/S/B/video/-1.m4s',
  '/assets/../../package.json', '/assets/%c0%af', '/watch/%ff', '/%', '//evil.example/', '/api/v1/streams/%2f', '/api/v1/streams/S/events/x',
];
const QUERIES = [
  '', '?', '?_HLS_msn=1', '?_HLS_part=0', '?_HLS_msn=1700000000&_HLS_part=0', '?_HLS_msn=-1', '?_HLS_msn=1e9', '?_HLS_msn=99999999999999999999',
  '?_HLS_msn=NaN&_HLS_part=NaN', '?_HLS_msn=1&_HLS_msn=2', '?_HLS_skip=YES', '?_HLS_skip=v2', '?_HLS_skip=%00', '?CMCD=sid%3D%22x%22', '?CMCD=%22%22%22,,,==',
  `?${'a'.repeat(3000)}`, '?%', '?_HLS_msn=%31',
];
const METHODS = ['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'DELETE', 'PATCH', 'TRACE', 'get', 'CONNECT', 'X'];
const VERSIONS = ['HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0', 'HTTP/2.0', 'HTTP/9.9', 'http/1.1', ''];
const HEADERS = [
  'Host: localhost', 'Host: ', 'Host: a\r\nHost: b', 'Range: bytes=0-', 'Range: bytes=-0', 'Range: bytes=5-1', 'Range: bytes=0-0,2-3', 'Range: bytes=99999999999999999-',
  'Accept-Encoding: gzip', 'Accept-Encoding: ;;;q=', 'Content-Length: 5', 'Content-Length: -1', 'Content-Length: 5\r\nContent-Length: 6', 'Transfer-Encoding: chunked',
  'Transfer-Encoding: chunked\r\nContent-Length: 4', 'Authorization: Bearer x', 'Authorization: Bearer', 'Cookie: a=b', 'X-Forwarded-For: 1.2.3.4, , ::',
  'CMCD-Session: sid="', `CMCD-Session: sid="${'s'.repeat(2000)}"`, 'If-None-Match: *', 'Expect: 100-continue', 'Upgrade: websocket\r\nConnection: Upgrade', 'Connection: close',
  'Origin: https://evil.example', ': empty', 'No colon', 'Folded: a\r\n b', `Long: ${'x'.repeat(20_000)}`, 'Null: \0', 'Access-Control-Request-Method: GET',
];
const BODIES = ['', '', '', 'hello', '5\r\nhello\r\n0\r\n\r\n', 'ffffffffffffffff\r\n', '{"a":', '\0'.repeat(100)];

/** One malformed or unusual HTTP/1.x request as raw bytes. */
export function httpRequest(random: Random, stream: string, broadcast: string): Uint8Array {
  const path = (random.pick(PATHS) + random.pick(QUERIES)).replaceAll('S', stream).replace('B', broadcast);
  const headers = Array.from({ length: random.int(5) }, () => random.pick(HEADERS));
  const text = `${random.pick(METHODS)} ${path} ${random.pick(VERSIONS)}\r\n${['Host: localhost', ...headers].join('\r\n')}\r\n\r\n${random.pick(BODIES)}`;
  const bytes = new TextEncoder().encode(text);
  return random.chance(0.5) ? mutate(bytes, random) : bytes;
}
