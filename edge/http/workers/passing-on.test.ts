import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect as connectHttp2, type ClientHttp2Session } from 'node:http2';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import express from 'express';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { createLocalBus } from '#core/bus/local/local-bus.ts';
import { millis } from '#core/media/time.ts';
import { Nodes } from '#core/placement/nodes.ts';
import { offerText } from '#core/rtc/sdp/testing/offers.ts';

import { edgeNode } from '../../elsewhere/testing/nodes.ts';
import { FakeRtc } from '../../whep/testing/fake-rtc.ts';
import { rendition, TestBroadcast } from '../../whep/testing/broadcast.ts';
import { TestStream, TRACK_PATH } from '../testing/stream.ts';
import { begin, sample, workerEdge } from './testing/workers.ts';

/** Threads take a second to start on a busy machine, and tell of themselves once a second. */
const PATIENCE = { timeout: 15_000 };

let folder: string;
let tls: { readonly tlsCert: string; readonly tlsKey: string };
const closers: (() => Promise<unknown>)[] = [];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-workers-'));
  tls = { tlsCert: join(folder, 'cert.pem'), tlsKey: join(folder, 'key.pem') };
  const subject = ['-subj', '/CN=localhost', '-days', '2', '-nodes'];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-keyout', tls.tlsKey, '-out', tls.tlsCert, ...subject], { stdio: 'ignore' });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) {
    await close();
  }
});

async function setUp(...args: Parameters<typeof workerEdge>) {
  const started = await workerEdge(...args);
  closers.push(() => started.edge.close());
  return started;
}

/** A request over HTTP/2, its body as it comes. */
function ask(session: ClientHttp2Session, headers: Record<string, string>, body?: string) {
  const stream = session.request(headers, { endStream: false });
  const reading = { status: 0, cookies: undefined as unknown, text: '', state: 'open' as 'open' | 'ended' | 'torn', stream };
  stream.on('response', (answer) => {
    reading.status = Number(answer[':status']);
    reading.cookies = answer['set-cookie'];
  });
  stream.setEncoding('utf8').on('data', (chunk: string) => (reading.text += chunk));
  stream.on('end', () => (reading.state = 'ended'));
  stream.on('error', () => (reading.state = 'torn'));
  stream.end(body);
  return reading;
}

describe('what only the main thread has', { timeout: 60_000 }, () => {
  it('is asked for through a worker: a WebRTC session, its events, its end', async () => {
    const bus = createLocalBus();
    const { edge } = await setUp({}, { bus, rtc: new FakeRtc() });
    const broadcast = new TestBroadcast(bus);
    broadcast.ladder(rendition('video', 2_000_000));
    broadcast.write('video', 0, 3);
    const { answer } = await begin(edge.httpPort, '/whep/demo', { method: 'POST', headers: { 'content-type': 'application/sdp' }, body: offerText('chromium-156-whep') });
    const chunks: Buffer[] = await answer.toArray();
    expect([answer.statusCode, Buffer.concat(chunks).toString().slice(0, 5)]).toEqual([201, 'v=0\r\n']);
    const session = answer.headers.location ?? '';
    const { answer: events } = await begin(edge.httpPort, `${session}/events`);
    let text = '';
    events.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    await expect.poll(() => text, PATIENCE).toContain('event: ');
    const over = new Promise((resolve) => events.once('close', resolve));
    expect((await begin(edge.httpPort, session, { method: 'DELETE' })).answer.statusCode).toBe(200);
    await over;
  });

  it('is what lies on disk: recordings, the rewind window, its manifest', async () => {
    const { bus, get, edge } = await setUp({ liveWindow: 12, rewindWindow: 7200, recording: true, dataDir: join(folder, 'data'), archiveMinFreeMegabytes: 0 });
    const stream = new TestStream(bus);
    stream.parts(10);
    await expect.poll(async () => (await get(`${TRACK_PATH}/101.3.m4s`)).status, PATIENCE).toBe(200);
    const { body } = await get(`${TRACK_PATH}/100.m4s`);
    for (let group = 102; group < 150; group++) {
      stream.parts(5);
      await expect.poll(async () => (await get(`${TRACK_PATH}/${group}.3.m4s`)).status, PATIENCE).toBe(200);
    }
    // Neither in a window of a worker nor of the main thread.
    expect((await get(`${TRACK_PATH}/100.0.m4s`)).status).toBe(404);
    expect((await get(`${TRACK_PATH}/100.m4s`)).body.equals(body)).toBe(true);
    expect((await get(`${TRACK_PATH}/100.m4s`, { headers: { range: 'bytes=0-9' } })).status).toBe(206);
    expect((await get(`${TRACK_PATH}/rewind.m3u8`)).text).toContain('100.m4s');
    // The archive tells of itself once a second.
    await expect.poll(async () => (await get('/live/demo/manifest.mpd')).text, PATIENCE).toContain('timeShiftBufferDepth="PT7200S"');
    expect((await get('/recordings/testbroadcast/master.m3u8')).status).toBe(200);
    await expect.poll(() => edge.load.viewers.hls, PATIENCE).toBeGreaterThan(0);
  });

  it('comes over HTTP/2 as it comes over HTTP/1.1', async () => {
    const api = express.Router();
    api.post('/api/v1/echo', express.json(), (request, response) => response.status(201).set('Set-Cookie', ['a=1', 'b=2']).json({ got: request.body as unknown, secure: request.secure, host: request.hostname, ip: request.ip }));
    let write: (text: string) => void = () => undefined;
    let hungUp = 0;
    api.get('/api/v1/events', (_request, response) => {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' }).flushHeaders();
      write = (text) => response.write(text);
      response.once('close', () => (hungUp += 1));
    });
    api.get('/api/v1/broken', (_request, response) => {
      response.write('half');
      setImmediate(() => response.destroy());
    });
    const { edge, bus, get } = await setUp({ ...tls }, { apps: [api] });
    const stream = new TestStream(bus);
    stream.parts(8);
    const session = connectHttp2(`https://127.0.0.1:${edge.httpsPort}`, { rejectUnauthorized: false });
    closers.push(() => new Promise<void>((resolve) => session.close(resolve)));
    await expect.poll(async () => (await get(`${TRACK_PATH}/101.2.m4s`)).status, PATIENCE).toBe(200);
    const blocked = ask(session, { ':path': `${TRACK_PATH}/index.m3u8?_HLS_msn=101&_HLS_part=3` });
    const events = ask(session, { ':path': '/api/v1/events' });
    const echo = ask(session, { ':path': '/api/v1/echo', ':method': 'POST', 'content-type': 'application/json' }, '{"a":1}');
    await expect.poll(() => echo.state, PATIENCE).toBe('ended');
    expect([echo.status, JSON.parse(echo.text), echo.cookies]).toEqual([201, { got: { a: 1 }, secure: true, host: '127.0.0.1', ip: '127.0.0.1' }, ['a=1', 'b=2']]);
    await expect.poll(() => events.status, PATIENCE).toBe(200);
    write('data: 1\n\n');
    await expect.poll(() => events.text, PATIENCE).toBe('data: 1\n\n');
    events.stream.close();
    await expect.poll(() => hungUp, PATIENCE).toBe(1);
    const broken = ask(session, { ':path': '/api/v1/broken' });
    await expect.poll(() => broken.state, PATIENCE).toBe('torn');
    const growing = ask(session, { ':path': `${TRACK_PATH}/102.m4s` });
    stream.parts(1);
    await expect.poll(() => blocked.text, PATIENCE).toContain('101.3.m4s');
    stream.parts(3);
    await expect.poll(() => growing.text.length > 0 && growing.state, PATIENCE).toBe('open');
    stream.parts(4);
    await expect.poll(() => growing.state, PATIENCE).toBe('ended');
  });
});

describe('what holds for the process', { timeout: 60_000 }, () => {
  it('is told to the workers: where viewers of a draining edge go, and which edges there are', async () => {
    const bus = createLocalBus();
    bus.present(edgeNode('here', { url: 'http://here.example:8080' }));
    bus.present(edgeNode('other'));
    const nodes = new Nodes(bus);
    const { edge, get } = await setUp({}, { bus, node: 'here', nodes });
    new TestStream(bus).parts(12);
    const master = await get('/live/demo/master.m3u8');
    expect(master.headers['millrace-move']).toBeUndefined();
    expect(master.text).toContain('#EXT-X-CONTENT-STEERING:SERVER-URI="/api/v1/steering/demo",PATHWAY-ID="here"');
    void edge.drain(millis(60_000));
    for (const path of ['/live/demo/master.m3u8', `${TRACK_PATH}/index.m3u8`, '/live/demo/manifest.mpd']) {
      await expect.poll(async () => (await get(path)).headers['millrace-move'], PATIENCE).toBe('http://other.example');
    }
    expect((await get(`${TRACK_PATH}/100.0.m4s`)).headers['millrace-move']).toBeUndefined();
    expect((await get('/readyz')).status).toBe(503);
  });

  it('is a limit, of which each worker has its share', async () => {
    const { edge, bus, get, ...started } = await setUp({ maxWaitingRequestsPerAddress: 4, maxConnections: 12 });
    new TestStream(bus).parts(7);
    const path = `${TRACK_PATH}/index.m3u8?_HLS_msn=101&_HLS_part=2`;
    const asked = Array.from({ length: 10 }, () => begin(edge.httpPort, path).then(({ answer }) => answer.statusCode, () => 'cut' as const));
    await expect.poll(() => sample(started, 'millrace_edge_requests_total{kind="playlist",status="429"}'), PATIENCE).toBeGreaterThanOrEqual(1);
    expect(await sample(started, 'millrace_edge_waiting_requests')).toBeLessThanOrEqual(4);
    const open = Array.from({ length: 20 }, () => connect(edge.httpPort, '127.0.0.1').on('error', () => undefined));
    const cut = await Promise.all(open.map((socket) => new Promise<boolean>((resolve) => {
      socket.once('close', () => resolve(true));
      socket.once('connect', () => setTimeout(() => resolve(false), 500));
    })));
    expect(cut.filter(Boolean).length).toBeGreaterThanOrEqual(8);
    open.forEach((socket) => socket.destroy());
    await edge.close();
    expect(new Set(await Promise.all(asked)).isSubsetOf(new Set([429, 503, 'cut']))).toBe(true);
    expect((await get('/healthz').catch(() => undefined))?.status).toBeUndefined();
  });
});
