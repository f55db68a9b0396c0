import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import { request as requestHttps } from 'node:https';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import express from 'express';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { MillraceError } from '#core/runtime/errors.ts';

import type { EdgeConfig } from '../config.ts';
import type { EdgeDeps } from '../main.ts';
import { getter, testEdge, until } from './testing/edge.ts';
import { TestStream, TRACK_PATH } from './testing/stream.ts';

let folder: string;
let tls: Pick<EdgeConfig, 'tlsCert' | 'tlsKey'>;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-edge-'));
  tls = { tlsCert: join(folder, 'cert.pem'), tlsKey: join(folder, 'key.pem') };
  const subject = ['-subj', '/CN=localhost', '-days', '2', '-nodes'];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-keyout', `${tls.tlsKey}`, '-out', `${tls.tlsCert}`, ...subject], { stdio: 'ignore' });
  const dist = join(folder, 'dist');
  mkdirSync(join(dist, 'assets'), { recursive: true });
  for (const name of ['index.html', 'watch.html', 'embed.html']) {
    writeFileSync(join(dist, name), `<!doctype html><title>${name}</title>${' '.repeat(1000)}`);
  }
  writeFileSync(join(dist, 'assets', 'app-abc123.js'), 'export {};');
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a test with an edge and closes it. */
async function withEdge(config: Partial<EdgeConfig>, deps: Partial<EdgeDeps>, run: (started: Awaited<ReturnType<typeof testEdge>>) => Promise<void>): Promise<void> {
  const started = await testEdge(config, deps);
  try {
    await run(started);
  } finally {
    await started.edge.close();
  }
}

const api = express.Router();
api.get('/api/v1/hello', (request, response) => {
  response.set('x-address', request.ip ?? '').json({ secure: request.secure, host: request.hostname });
});
api.post('/api/v1/echo', express.json(), (request, response) => {
  response.status(201).json(request.body);
});
api.get('/api/v1/broken', () => {
  throw new Error('secret detail');
});

/** A segment read over HTTP/2 as it grows: the bytes so far, and how the stream ended. */
function http2Grow(port: number, path: string): { bytes: number; closed: boolean; error: string | undefined; leave(): void } {
  const session = connectHttp2(`https://127.0.0.1:${port}`, { rejectUnauthorized: false });
  const stream = session.request({ ':path': path });
  const reading = { bytes: 0, closed: false, error: undefined as string | undefined, leave: () => session.destroy() };
  stream.on('data', (chunk: Buffer) => (reading.bytes += chunk.length));
  stream.on('error', (error) => (reading.error = error.message));
  stream.on('close', () => {
    reading.closed = true;
    session.close();
  });
  stream.end();
  return reading;
}

/** One request over HTTP/2. */
function http2Get(port: number, headers: Record<string, string>, body?: string): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const session = connectHttp2(`https://127.0.0.1:${port}`, { rejectUnauthorized: false });
    session.on('error', reject);
    const stream = session.request(headers);
    let text = '';
    let status = 0;
    stream.setEncoding('utf8');
    stream.on('response', (answer) => {
      status = Number(answer[':status']);
    });
    stream.on('data', (chunk: string) => {
      text += chunk;
    });
    stream.on('end', () => {
      session.close(() => resolve({ status, text }));
    });
    stream.end(body);
  });
}

test('over HTTP/2 a segment comes part by part as it grows, and is reset where it is given up', async () => {
  await withEdge({ ...tls }, {}, async ({ edge, bus, get }) => {
    const port = edge.httpsPort ?? 0;
    const stream = new TestStream(bus);
    stream.parts(8);
    await until(async () => (await get(`${TRACK_PATH}/101.2.m4s`)).status === 200);
    const sizeOf = async (names: readonly string[]): Promise<number> => (await Promise.all(names.map((name) => get(`${TRACK_PATH}/${name}.m4s`)))).reduce((sum, { body }) => sum + body.length, 0);
    const whole = http2Grow(port, `${TRACK_PATH}/101.m4s`);
    const soFar = await sizeOf(['101.0', '101.1', '101.2']);
    await until(() => whole.bytes === soFar);
    stream.parts(3);
    await until(() => whole.closed);
    expect([whole.bytes, whole.error]).toEqual([await sizeOf(['101']), undefined]);
    const torn = http2Grow(port, `${TRACK_PATH}/102.m4s`);
    await until(() => torn.bytes > 0);
    stream.skip();
    stream.parts(6);
    await until(() => torn.closed);
    expect(torn.error).toMatch(/NGHTTP2_INTERNAL_ERROR/);
    [whole, torn].forEach((reading) => reading.leave());
  });
});

test('with a certificate media, pages and apps are served over HTTP/2', async () => {
  await withEdge({ ...tls, playerDir: join(folder, 'dist') }, { apps: [api] }, async ({ edge, bus }) => {
    const port = edge.httpsPort ?? 0;
    const stream = new TestStream(bus);
    stream.parts(8);
    const blocked = http2Get(port, { ':path': `${TRACK_PATH}/index.m3u8?_HLS_msn=101&_HLS_part=3` });
    await until(async () => (await http2Get(port, { ':path': '/live/demo/master.m3u8' })).status === 200);
    stream.parts(1);
    expect((await blocked).text).toContain('101.3.m4s');
    expect(JSON.parse((await http2Get(port, { ':path': '/api/v1/hello' })).text)).toEqual({ secure: true, host: '127.0.0.1' });
    const echo = await http2Get(port, { ':path': '/api/v1/echo', ':method': 'POST', 'content-type': 'application/json' }, '{"a":1}');
    expect([echo.status, echo.text]).toEqual([201, '{"a":1}']);
    expect((await http2Get(port, { ':path': '/watch/demo' })).text).toContain('watch.html');
    expect((await http2Get(port, { ':path': '/api/v1/none' })).status).toBe(404);
    expect((await http2Get(port, { ':path': '/api/v1/broken' })).status).toBe(500);
  });
});

test('who speaks no HTTP/2 gets HTTP/1.1 over TLS', async () => {
  await withEdge(tls, {}, async ({ edge }) => {
    const { promise, resolve } = Promise.withResolvers<string>();
    requestHttps({ host: '127.0.0.1', port: edge.httpsPort, path: '/healthz', rejectUnauthorized: false, agent: false }, (response) => {
      resolve(`${response.httpVersion} ${response.statusCode}`);
      response.resume();
    }).end();
    expect(await promise).toBe('1.1 200');
  });
});

test('a taken port is told in one clear sentence', async () => {
  await withEdge({}, {}, async ({ edge }) => {
    const failure = await testEdge({ httpPort: edge.httpPort }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(MillraceError);
    expect(failure).toMatchObject({ code: 'edge/port-in-use', message: `Port ${edge.httpPort} is in use by another program. Stop it, or choose another port with MILLRACE_HTTP_PORT.` });
  });
});

test('a certificate that cannot be read is told in one clear sentence, and no port stays open', async () => {
  const failure = await testEdge({ tlsCert: '/nonexistent.pem', tlsKey: '/nonexistent.pem' }).catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: 'edge/tls', message: expect.stringMatching(/^The TLS certificate or key cannot be used: .* Check tlsCert and tlsKey\.$/) as string });
});

test('apps run over HTTP/1.1; what they throw stays inside', async () => {
  await withEdge({}, { apps: [api] }, async ({ get }) => {
    expect(JSON.parse((await get('/api/v1/hello', { headers: { 'x-forwarded-for': '203.0.113.7', 'x-forwarded-proto': 'https' } })).text)).toMatchObject({ secure: false });
    const broken = await get('/api/v1/broken');
    expect([broken.status, broken.text]).toEqual([500, '{"code":"http/internal","message":"The server failed to answer."}\n']);
  });
});

test('a trusted proxy is believed', async () => {
  await withEdge({ trustProxy: true }, { apps: [api] }, async ({ get }) => {
    const answer = await get('/api/v1/hello', { headers: { 'x-forwarded-for': '198.51.100.9, 203.0.113.7', 'x-forwarded-proto': 'https' } });
    expect([answer.headers['x-address'], JSON.parse(answer.text)]).toEqual(['203.0.113.7', { secure: true, host: '127.0.0.1' }]);
  });
});

test('the path of the public URL may be there or be stripped by the proxy', async () => {
  await withEdge({ publicUrl: 'https://example.com/tv/', playerDir: join(folder, 'dist') }, { apps: [api] }, async ({ get, bus }) => {
    new TestStream(bus).parts(6);
    await until(async () => (await get('/live/demo/master.m3u8')).status === 200);
    const statuses = ['/tv/live/demo/master.m3u8', '/tv', '/tv/', '/', '/tv/api/v1/hello', '/tv/healthz', '/tvlive/demo/master.m3u8'].map(async (path) => (await get(path)).status);
    expect(await Promise.all(statuses)).toEqual([200, 200, 200, 200, 200, 200, 404]);
  });
});

test('pages are compressed, may not be framed but for the embedded one, and their assets are immutable', async () => {
  await withEdge({ playerDir: join(folder, 'dist') }, {}, async ({ get }) => {
    const watch = await get('/watch/demo', { headers: { 'accept-encoding': 'gzip' } });
    expect(watch).toMatchObject({ status: 200, headers: { 'content-encoding': 'gzip', 'cache-control': 'no-cache', 'x-frame-options': 'DENY' } });
    expect(watch.headers['content-security-policy']).toContain("frame-ancestors 'none'");
    const embed = await get('/embed/demo');
    expect(embed.headers['content-security-policy']).toContain('frame-ancestors *');
    expect(embed.headers['x-frame-options']).toBeUndefined();
    expect((await get('/')).text).toContain('index.html');
    const asset = await get('/assets/app-abc123.js');
    expect(asset).toMatchObject({ status: 200, headers: { 'cache-control': 'public, max-age=31536000, immutable', 'content-type': 'text/javascript; charset=utf-8' } });
    expect((await get('/', { method: 'DELETE' })).status).toBe(405);
    const missing = ['/watch/', '/watch/Bad_Name', '/watch.html', '/assets/none.js', '/../package.json', '/assets/../../cert.pem'];
    expect(await Promise.all(missing.map(async (path) => (await get(path)).status))).toEqual(missing.map(() => 404));
  });
});

test('health, readiness and time', async () => {
  let ready = false;
  await withEdge({}, { ready: () => ready }, async ({ get }) => {
    expect((await get('/healthz')).status).toBe(200);
    expect((await get('/readyz')).status).toBe(503);
    ready = true;
    expect((await get('/readyz')).status).toBe(200);
    const time = await get('/time');
    expect(time.text).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(time.headers['cache-control']).toBe('no-store');
    const json = JSON.parse((await get('/time', { headers: { accept: 'application/json' } })).text) as { time: string; ms: number };
    expect(new Date(json.ms).toISOString()).toBe(json.time);
    expect((await get('/time', { method: 'PUT' })).status).toBe(405);
  });
});

test('metrics need the token on the public port, and none on the port of their own', async () => {
  await withEdge({ metricsPort: 0 }, { authorize: (request) => request.headers.authorization === 'Bearer token' }, async ({ get, edge }) => {
    expect((await get('/metrics')).status).toBe(401);
    expect((await get('/metrics', { headers: { authorization: 'Bearer token' } })).text).toContain('# HELP millrace_ingest_to_part_seconds ');
    expect((await getter(edge.metricsPort ?? 0)('/metrics')).text).toContain('millrace_edge_connections');
  });
});

/** Sends bytes and gives back what comes until the server closes. */
function raw(port: number, text: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    let received = '';
    socket.on('data', (chunk) => {
      received += chunk.toString();
    });
    socket.on('error', () => resolve(received));
    socket.on('close', () => resolve(received));
    socket.write(text);
  });
}

const malformed: readonly (readonly [name: string, request: string, status: string, code: string])[] = [
  ['no HTTP at all', 'hello\r\n\r\n', '400', 'http/malformed'],
  ['a bad version', 'GET / HTTP/9.9\r\n\r\n', '400', 'http/malformed'],
  ['two content lengths', 'GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n', '400', 'http/malformed'],
  ['length and chunks', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n', '400', 'http/malformed'],
  ['a target without slash', 'GET live/demo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n', '400', 'http/malformed'],
  ['headers of 20 KB', `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, '431', 'http/headers-too-large'],
  ['a URL of 9 KB', `GET /${'x'.repeat(9000)} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`, '414', 'http/url-too-long'],
  ['the absolute form of an unknown stream', 'GET http://a/live/none/master.m3u8 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n', '404', 'stream/unknown'],
];

test.each(malformed)('%s is answered in JSON', async (_name, request, status, code) => {
  await withEdge({}, {}, async ({ edge, get }) => {
    const answer = await raw(edge.httpPort, request);
    expect([answer.slice(9, 12), (JSON.parse(answer.slice(answer.indexOf('{'), answer.indexOf('}') + 1)) as { code: string }).code]).toEqual([status, code]);
    expect((await get('/healthz')).status).toBe(200);
  });
});

test('one address may open only so many connections; a closed one makes room', async () => {
  await withEdge({ maxConnectionsPerAddress: 2 }, {}, async ({ edge, get, metrics }) => {
    const sockets: Socket[] = [];
    const connections = async (): Promise<number> => Number(/^millrace_edge_connections (\d+)$/m.exec(await metrics.metrics())?.[1]);
    for (let i = 0; i < 2; i++) {
      sockets.push(connect({ port: edge.httpPort, host: '127.0.0.1' }));
    }
    await until(async () => (await connections()) === 2);
    await expect(get('/healthz')).rejects.toThrow();
    sockets.forEach((socket) => socket.destroy());
    await until(async () => (await connections()) === 0);
    expect((await get('/healthz')).status).toBe(200);
  });
});

test('one address may have only so many requests waiting', async () => {
  await withEdge({ maxWaitingRequestsPerAddress: 1 }, {}, async ({ bus, get, metrics }) => {
    new TestStream(bus).parts(6);
    const path = `${TRACK_PATH}/index.m3u8?_HLS_msn=101&_HLS_part=1`;
    await until(async () => (await get(`${TRACK_PATH}/101.0.m4s`)).status === 200);
    const first = get(path);
    await until(async () => (await metrics.metrics()).includes('millrace_edge_waiting_requests 1\n'));
    const second = await get(path);
    expect([second.status, second.headers['retry-after']]).toEqual([429, '1']);
    void first.catch(() => undefined);
  });
});
