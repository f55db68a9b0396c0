import { afterEach, beforeEach, expect, test } from 'vitest';

import type { Bus } from '#core/bus/bus.ts';
import { later, millis, wallTime, type WallTime } from '#core/media/time.ts';

import type { EdgeStage } from '../main.ts';
import { testEdge, until, type Answer, type getter } from './testing/edge.ts';
import { CONFIG_ID, TestStream, TRACK_PATH } from './testing/stream.ts';

let edge: EdgeStage;
let bus: Bus;
let get: ReturnType<typeof getter>;
let stream: TestStream;
let metrics: () => Promise<string>;
const time: { now: WallTime } = { now: wallTime(Date.UTC(2026, 0, 1)) };

beforeEach(async () => {
  time.now = wallTime(Date.UTC(2026, 0, 1));
  const started = await testEdge({ streamKeys: ['configured_0123456789abcdef'] }, { clock: () => time.now });
  ({ edge, bus, get } = started);
  metrics = () => started.metrics.metrics();
  stream = new TestStream(bus);
  // Groups 100 to 103 whole, two parts of 104.
  stream.parts(22);
  await until(async () => (await get(`${TRACK_PATH}/104.1.m4s`)).status === 200);
});

afterEach(() => edge.close());

const code = (answer: Answer): string => (JSON.parse(answer.text) as { code: string }).code;
const waiting = async (): Promise<number> => Number(/^millrace_edge_waiting_requests (\d+)$/m.exec(await metrics())?.[1]);

test('master, playlist, init, part and segment are served with types, caching and CORS', async () => {
  const table = [
    ['/live/demo/master.m3u8', 'application/vnd.apple.mpegurl', 'public, max-age=1'],
    [`${TRACK_PATH}/index.m3u8`, 'application/vnd.apple.mpegurl', 'public, max-age=1'],
    [`${TRACK_PATH}/index.m3u8?_HLS_msn=104&_HLS_part=1`, 'application/vnd.apple.mpegurl', 'public, max-age=12'],
    [`${TRACK_PATH}/init-${CONFIG_ID}.mp4`, 'video/mp4', 'public, max-age=31536000, immutable'],
    [`${TRACK_PATH}/103.m4s`, 'video/mp4', 'public, max-age=31536000, immutable'],
    [`${TRACK_PATH}/104.1.m4s`, 'video/mp4', 'public, max-age=31536000, immutable'],
  ] as const;
  for (const [path, type, caching] of table) {
    const { status, headers, body } = await get(path);
    expect([path, status, headers['content-type'], headers['cache-control']]).toEqual([path, 200, type, caching]);
    expect(headers).toMatchObject({
      'access-control-allow-origin': '*',
      'access-control-expose-headers': 'Date, Age, Location, ETag, Link, Retry-After, Millrace-Move',
      'timing-allow-origin': '*',
      'content-length': String(body.length),
    });
    expect(headers.date).toBeDefined();
  }
});

test('a segment is the concatenation of its parts', async () => {
  const parts = await Promise.all([0, 1, 2, 3, 4].map((part) => get(`${TRACK_PATH}/103.${part}.m4s`)));
  const segment = await get(`${TRACK_PATH}/103.m4s`);
  expect(segment.body.equals(Buffer.concat(parts.map(({ body }) => body)))).toBe(true);
});

test('a token in the path is inherited by relative URIs', async () => {
  const master = await get('/live/demo/~eyJh.b-c_d/master.m3u8');
  const uri = /^testbroadcast.*$/m.exec(master.text)?.[0] ?? '';
  expect((await get(`/live/demo/~eyJh.b-c_d/${uri}`)).status).toBe(200);
});

test('playlists are gzipped for who takes that, and media never', async () => {
  const plain = await get(`${TRACK_PATH}/index.m3u8`);
  const packed = await get(`${TRACK_PATH}/index.m3u8`, { headers: { 'accept-encoding': 'br, gzip' } });
  expect(packed.headers['content-encoding']).toBe('gzip');
  expect(Number(packed.headers['content-length'])).toBeLessThan(plain.body.length / 2);
  expect(packed.text).toBe(plain.text);
  expect([plain.headers.vary, packed.headers.vary]).toEqual(['Accept-Encoding', 'Accept-Encoding']);
  expect((await get(`${TRACK_PATH}/index.m3u8`, { headers: { 'accept-encoding': 'br, gzip;q=0' } })).headers['content-encoding']).toBeUndefined();
  expect((await get(`${TRACK_PATH}/104.1.m4s`, { headers: { 'accept-encoding': 'gzip' } })).headers['content-encoding']).toBeUndefined();
});

test('HEAD answers like GET without a body', async () => {
  const full = await get(`${TRACK_PATH}/104.1.m4s`);
  const head = await get(`${TRACK_PATH}/104.1.m4s`, { method: 'HEAD' });
  expect([head.status, head.headers['content-length'], head.body.length]).toEqual([200, String(full.body.length), 0]);
  const missing = await get(`${TRACK_PATH}/999.m4s`, { method: 'HEAD' });
  expect([missing.status, missing.body.length]).toEqual([404, 0]);
});

test('RFC 9110 14: one range gives 206, one outside 416, several the whole', async () => {
  const { body } = await get(`${TRACK_PATH}/103.m4s`);
  const range = (value: string) => get(`${TRACK_PATH}/103.m4s`, { headers: { range: value } });
  const part = await range('bytes=10-19');
  expect([part.status, part.headers['content-range'], part.headers['content-length']]).toEqual([206, `bytes 10-19/${body.length}`, '10']);
  expect(part.body.equals(body.subarray(10, 20))).toBe(true);
  const outside = await range(`bytes=${body.length}-`);
  expect([outside.status, outside.headers['content-range'], code(outside)]).toEqual([416, `bytes */${body.length}`, 'http/range']);
  const several = await range('bytes=0-1,4-5');
  expect([several.status, several.body.length]).toEqual([200, body.length]);
});

test('OPTIONS is answered for any origin, other methods are refused with Allow', async () => {
  const preflight = await get('/live/demo/master.m3u8', { method: 'OPTIONS', headers: { origin: 'https://example.com', 'access-control-request-method': 'GET' } });
  expect([preflight.status, preflight.headers['access-control-allow-methods'], preflight.headers['access-control-allow-origin']]).toEqual([204, 'GET, HEAD, OPTIONS', '*']);
  const post = await get('/live/demo/master.m3u8', { method: 'POST' });
  expect([post.status, post.headers.allow, code(post)]).toEqual([405, 'GET, HEAD, OPTIONS', 'http/method']);
});

const refusals: readonly (readonly [path: string, status: number, code: string])[] = [
  ['/live/Demo/master.m3u8', 400, 'http/malformed'],
  ['/live/demo/', 400, 'http/malformed'],
  ['/live/demo/../master.m3u8', 400, 'http/malformed'],
  ['/live/demo/%2e%2e/master.m3u8', 400, 'http/malformed'],
  ['/live/demo/~to%20ken/master.m3u8', 400, 'http/malformed'],
  [`${TRACK_PATH}/..`, 404, 'media/not-found'],
  [`${TRACK_PATH}/index.m3u8?_HLS_part=1`, 400, 'hls/directives'],
  [`${TRACK_PATH}/index.m3u8?_HLS_msn=x`, 400, 'hls/directives'],
  [`${TRACK_PATH}/index.m3u8?_HLS_msn=107`, 400, 'hls/too-far'],
  [`${TRACK_PATH}/index.m3u8?_HLS_msn=104&_HLS_part=40`, 400, 'hls/too-far'],
  ['/live/unknown/master.m3u8', 404, 'stream/unknown'],
  ['/live/configured/master.m3u8', 404, 'offline'],
  ['/live/configured/testbroadcast/video/1.m4s', 404, 'offline'],
  ['/live/demo/otherbroadcast/video/index.m3u8', 404, 'media/not-found'],
  ['/live/demo/testbroadcast/v720/index.m3u8', 404, 'media/not-found'],
  ['/live/demo/manifest.mpd?after=x', 400, 'dash/query'],
  ['/live/unknown/manifest.mpd', 404, 'stream/unknown'],
  ['/live/configured/manifest.mpd', 404, 'offline'],
  ['/live/demo/rewind.m3u8', 404, 'media/not-found'],
  [`${TRACK_PATH}/rewind.m3u8`, 404, 'media/not-found'],
  [`${TRACK_PATH}/106.m4s`, 404, 'media/not-found'],
  [`${TRACK_PATH}/104.3.m4s`, 404, 'media/not-found'],
  [`${TRACK_PATH}/105.0.m4s`, 404, 'media/not-found'],
  [`${TRACK_PATH}/init-0000000000000000.mp4`, 404, 'media/not-found'],
];

test.each(refusals)('%s is refused with %i %s', async (path, status, expected) => {
  const answer = await get(path);
  expect([answer.status, answer.headers['content-type'], code(answer)]).toEqual([status, 'application/json; charset=utf-8', expected]);
  expect(answer.headers['retry-after']).toBe(expected === 'offline' ? '1' : undefined);
});

test('a playlist request blocks until its part exists, then completes', async () => {
  const answer = get(`${TRACK_PATH}/index.m3u8?_HLS_msn=104&_HLS_part=2`);
  await until(async () => (await waiting()) === 1);
  stream.parts(1);
  expect((await answer).text).toContain('URI="104.2.m4s"');
  expect(await waiting()).toBe(0);
});

test('the hinted part can be asked for ahead and comes whole', async () => {
  const playlist = await get(`${TRACK_PATH}/index.m3u8`);
  const hint = /PRELOAD-HINT:TYPE=PART,URI="([^"]+)"/.exec(playlist.text)?.[1] ?? '';
  expect(hint).toBe('104.2.m4s');
  const answer = get(`${TRACK_PATH}/${hint}`);
  await until(async () => (await waiting()) === 1);
  stream.parts(1);
  const { status, body } = await answer;
  expect([status, body.length]).toEqual([200, (await get(`${TRACK_PATH}/${hint}`)).body.length]);
});

test('a request that blocked for three target durations gets 503', async () => {
  const answer = get(`${TRACK_PATH}/index.m3u8?_HLS_msn=104&_HLS_part=2`);
  await until(async () => (await waiting()) === 1);
  time.now = later(time.now, millis(6000));
  const { status, headers, text } = await answer;
  expect([status, headers['retry-after'], (JSON.parse(text) as { code: string }).code]).toEqual([503, '1', 'hls/timeout']);
});

test('thirty seconds after the start a broadcast that is not there is off air', async () => {
  time.now = later(time.now, millis(30_000));
  expect(code(await get('/live/configured/testbroadcast/video/index.m3u8'))).toBe('offline');
});

test('when the broadcast is over, waiting requests get the last playlist and its ENDLIST', async () => {
  const answer = get(`${TRACK_PATH}/index.m3u8?_HLS_msn=105&_HLS_part=0`);
  await until(async () => (await waiting()) === 1);
  stream.frames(2);
  stream.end();
  const { text } = await answer;
  expect(text).toMatch(/104\.2\.m4s[\s\S]*104\.m4s\n#EXT-X-ENDLIST\n$/);
  expect(code(await get('/live/demo/master.m3u8'))).toBe('offline');
  expect((await get(`${TRACK_PATH}/104.m4s`)).status).toBe(200);
});

test('a stop answers who waits with 503 and closes every connection', async () => {
  const answer = get(`${TRACK_PATH}/index.m3u8?_HLS_msn=104&_HLS_part=2`);
  await until(async () => (await waiting()) === 1);
  await edge.close();
  await edge.close();
  await edge.closed;
  expect([(await answer).status, code(await answer)]).toEqual([503, 'http/stopping']);
  await expect(get('/healthz')).rejects.toThrow(/ECONNREFUSED/);
});

test('viewers are counted by CMCD session, else by address and agent, and told to the catalog', async () => {
  const playlist = `${TRACK_PATH}/index.m3u8`;
  await get(`${playlist}?CMCD=bl%3D100%2Csid%3D%22one%22`);
  await get(playlist, { headers: { 'cmcd-session': 'sid="one"' } });
  await get(playlist, { headers: { 'cmcd-session': 'sid="two"' } });
  await get(playlist, { headers: { 'user-agent': 'a' } });
  await get(playlist, { headers: { 'user-agent': 'a' } });
  // Only the beginning of an agent counts: its rest would be remembered for nothing.
  await get(playlist, { headers: { 'user-agent': `${'x'.repeat(256)}1` } });
  await get(playlist, { headers: { 'user-agent': `${'x'.repeat(256)}2` } });
  expect(await metrics()).toContain('millrace_viewers{protocol="hls"} 4\n');
  const { promise, resolve } = Promise.withResolvers<unknown>();
  const { broadcast } = await new Promise<Parameters<Parameters<Bus['onBroadcast']>[0]>[0]>((found) => {
    bus.onBroadcast(found);
  });
  bus.onCatalog(broadcast, 'audience', resolve);
  expect(await promise).toEqual({ viewers: { hls: 4 } });
});

test('who asks for the multivariant playlist alone is no viewer yet: a page does so before its session has an id', async () => {
  await get('/live/demo/master.m3u8', { headers: { 'user-agent': 'page' } });
  expect(await metrics()).toContain('millrace_viewers{protocol="hls"} 0\n');
  await get(`${TRACK_PATH}/index.m3u8?CMCD=sid%3D%22one%22`, { headers: { 'user-agent': 'page' } });
  expect(await metrics()).toContain('millrace_viewers{protocol="hls"} 1\n');
});

test.each(['', '?_HLS_msn=100&_HLS_part=0'])('a server that began lately holds a playlist request (%j) for a broadcast that may return', async (query) => {
  const other = await testEdge({ streamKeys: ['demo_0123456789abcdef'] }, { clock: () => time.now });
  try {
    const answer = other.get(`${TRACK_PATH}/index.m3u8${query}`);
    await until(async () => (await other.metrics.metrics()).includes('millrace_edge_waiting_requests 1\n'));
    const returned = new TestStream(other.bus);
    returned.parts(6);
    expect((await answer).text).toContain('100.0.m4s');
    expect((await other.get(`/live/unknown/testbroadcast/video/index.m3u8${query}`)).status).toBe(404);
  } finally {
    await other.edge.close();
  }
});
