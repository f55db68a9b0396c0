import { connect, type Socket } from 'node:net';

import express from 'express';
import { afterEach, describe, expect, it } from 'vitest';

import type { getter } from '../testing/edge.ts';
import { CONFIG_ID, TestStream, TRACK_PATH } from '../testing/stream.ts';
import { begin, sample, workerEdge } from './testing/workers.ts';

/** Threads take a second to start on a busy machine, and tell of themselves once a second. */
const PATIENCE = { timeout: 15_000 };

const closers: (() => Promise<unknown>)[] = [];

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

/** Asks for one thing over so many connections: all threads get some of them. */
async function fromEvery(get: ReturnType<typeof getter>, path: string, connections = 16) {
  return Promise.all(Array.from({ length: connections }, () => get(path)));
}

describe('HTTP on worker threads', { timeout: 60_000 }, () => {
  it('answers live media with the same bytes from every thread', async () => {
    const { bus, get, edge, ...started } = await setUp();
    const stream = new TestStream(bus);
    stream.parts(12);
    const paths = ['/live/demo/master.m3u8', `${TRACK_PATH}/index.m3u8`, `${TRACK_PATH}/init-${CONFIG_ID}.mp4`, `${TRACK_PATH}/100.m4s`, `${TRACK_PATH}/101.2.m4s`, '/live/demo/manifest.mpd'];
    for (const path of paths) {
      const answers = await fromEvery(get, path);
      const [first] = answers;
      expect(first?.status, path).toBe(200);
      expect(first?.body.length).toBeGreaterThan(0);
      // When a manifest was made is the one thing that differs.
      const told = answers.map(({ text }) => text.replace(/publishTime="[^"]*"/, ''));
      expect(answers.every(({ body, status }, at) => status === 200 && (path.endsWith('.mpd') ? told[at] === told[0] : body.equals(first!.body))), path).toBe(true);
    }
    expect(edge.httpPort).toBeGreaterThan(0);
    // Both threads had to do with it: each has packaged the group.
    await expect.poll(() => sample(started, 'millrace_edge_requests_total{kind="part",status="200"}'), PATIENCE).toBe(16);
    expect(await sample(started, 'millrace_edge_requests_total{kind="playlist",status="200"}')).toBe(16);
    expect(await sample(started, 'millrace_http_worker_passed_on_total')).toBe(0);
  });

  it('holds a blocking reload until the part is there, in every thread', async () => {
    const { bus, get } = await setUp();
    const stream = new TestStream(bus);
    stream.parts(7);
    await fromEvery(get, `${TRACK_PATH}/index.m3u8`);
    const waiting = fromEvery(get, `${TRACK_PATH}/index.m3u8?_HLS_msn=101&_HLS_part=2`);
    stream.parts(1);
    stream.frames(1);
    const answers = await waiting;
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    expect(answers[0]?.text).toContain('101.2.m4s');
  });

  it('passes on what it does not answer: routers, pages, health, unknown media', async () => {
    const api = express.Router();
    api.post('/api/v1/echo', express.json(), (request, response) => response.status(201).set('Set-Cookie', ['a=1', 'b=2']).json({ got: request.body as unknown }));
    const { get, edge } = await setUp({}, { apps: [api] });
    expect(await get('/healthz')).toMatchObject({ status: 200, text: 'ok\n' });
    expect(await get('/live/nobody/master.m3u8')).toMatchObject({ status: 404, text: expect.stringContaining('stream/unknown') as string });
    expect(await get('/nothing')).toMatchObject({ status: 404, text: expect.stringContaining('http/not-found') as string });
    expect(await get('/whep/demo', { method: 'POST' })).toMatchObject({ status: 404 });
    for (const framing of [{ 'content-length': '9' }, { 'transfer-encoding': 'chunked' }]) {
      const { answer } = await begin(edge.httpPort, '/api/v1/echo', { method: 'POST', headers: { 'content-type': 'application/json', ...framing }, body: '{"a":"b"}' });
      const chunks: Buffer[] = await answer.toArray();
      expect([answer.statusCode, Buffer.concat(chunks).toString(), answer.headers['set-cookie']]).toEqual([201, '{"got":{"a":"b"}}', ['a=1', 'b=2']]);
    }
  });

  it('passes an event stream on as it comes, and a hang-up', async () => {
    let hungUp = 0;
    let write: (text: string) => void = () => undefined;
    const api = express.Router();
    api.get('/api/v1/events', (_request, response) => {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      response.flushHeaders();
      write = (text) => response.write(text);
      response.on('close', () => (hungUp += 1));
    });
    const { edge } = await setUp({}, { apps: [api] });
    const { asked, answer } = await begin(edge.httpPort, '/api/v1/events');
    for (const text of ['data: 1\n\n', 'data: 2\n\n']) {
      const came = new Promise<Buffer>((resolve) => answer.once('data', resolve));
      write(text);
      expect((await came).toString()).toBe(text);
    }
    asked.destroy();
    answer.on('error', () => undefined);
    await expect.poll(() => hungUp, PATIENCE).toBe(1);
  });

  it('keeps the connection of an answer that is long in coming', async () => {
    const api = express.Router();
    // Longer than an idle connection to the main thread lives.
    api.get('/api/v1/late', (_request, response) => void setTimeout(() => response.send('late'), 1500));
    const { get } = await setUp({}, { apps: [api] });
    expect(await get('/api/v1/late')).toMatchObject({ status: 200, text: 'late' });
  });

  it('cuts an answer off that the main thread does not finish', async () => {
    const api = express.Router();
    api.get('/api/v1/broken', (_request, response) => {
      response.write('half');
      setImmediate(() => response.destroy());
    });
    const { edge } = await setUp({}, { apps: [api] });
    const { answer } = await begin(edge.httpPort, '/api/v1/broken');
    await expect(answer.toArray()).rejects.toThrow('aborted');
  });

  it('tells the main thread who asks, and lets nobody say otherwise', async () => {
    const api = express.Router();
    api.get('/api/v1/who', (request, response) => response.json({ ip: request.ip, secure: request.secure, host: request.hostname }));
    const forged = { 'x-forwarded-for': '203.0.113.7', 'x-forwarded-proto': 'https', 'x-forwarded-host': 'evil.example', 'millrace-viewer': 'secret 203.0.113.8 https', connection: 'close, millrace-viewer, x-forwarded-for' };
    const direct = await setUp({}, { apps: [api] });
    expect(JSON.parse((await direct.get('/api/v1/who', { headers: forged })).text)).toEqual({ ip: '127.0.0.1', secure: false, host: '127.0.0.1' });
    const proxied = await setUp({ trustProxy: '127.0.0.1' }, { apps: [api] });
    expect(JSON.parse((await proxied.get('/api/v1/who', { headers: forged })).text)).toEqual({ ip: '203.0.113.7', secure: true, host: 'evil.example' });
  });

  it('counts a player with connections to several threads once', async () => {
    const { bus, edge, get } = await setUp();
    const stream = new TestStream(bus);
    stream.parts(7);
    const watch = (session: string) => Promise.all(Array.from({ length: 8 }, () => get(`${TRACK_PATH}/index.m3u8`, { headers: { 'cmcd-session': `sid="${session}"` } })));
    await Promise.all([watch('one'), watch('two')]);
    await expect.poll(() => edge.load.viewers, PATIENCE).toEqual({ hls: 2, dash: 0, webrtc: 0 });
    await expect.poll(() => edge.load.viewers, PATIENCE).toEqual({ hls: 0, dash: 0, webrtc: 0 });
  });

  it('loses only the connections of a thread that dies, and starts another', async () => {
    const { bus, get, edge, threads, ...started } = await setUp();
    const stream = new TestStream(bus);
    stream.parts(7);
    await fromEvery(get, `${TRACK_PATH}/index.m3u8`);
    const held = Array.from({ length: 16 }, () => get(`${TRACK_PATH}/index.m3u8?_HLS_msn=101&_HLS_part=2`).then(({ status }) => status, () => 'lost' as const));
    await expect.poll(() => sample(started, 'millrace_edge_waiting_requests'), PATIENCE).toBe(16);
    await threads[0]!.terminate();
    stream.parts(1);
    stream.frames(1);
    const outcomes = await Promise.all(held);
    expect(new Set(outcomes)).toEqual(new Set([200, 'lost']));
    // Nobody who comes now meets the dead one.
    expect((await fromEvery(get, `${TRACK_PATH}/index.m3u8`)).every(({ status }) => status === 200)).toBe(true);
    await expect.poll(() => threads.length, PATIENCE).toBe(3);
    await expect.poll(() => sample(started, 'millrace_http_worker_restarts_total'), PATIENCE).toBe(1);
    // The new one gets its share too, once it listens.
    const sockets: Socket[] = [];
    closers.push(() => Promise.resolve(sockets.forEach((socket) => socket.destroy())));
    const connectionsOfNew = (): Promise<number | undefined> => {
      sockets.push(connect(edge.httpPort, '127.0.0.1'));
      return sample(started, 'millrace_http_worker_connections{worker="1"}');
    };
    await expect.poll(connectionsOfNew, PATIENCE).toBeGreaterThan(0);
    expect(await sample(started, 'millrace_edge_connections')).toBeGreaterThan(0);
  });

  it('lets nobody wait when it closes, and leaves no thread and no port', async () => {
    const { bus, get, edge, threads } = await setUp();
    const stream = new TestStream(bus);
    stream.parts(7);
    await fromEvery(get, `${TRACK_PATH}/index.m3u8`);
    const held = fromEvery(get, `${TRACK_PATH}/index.m3u8?_HLS_msn=101&_HLS_part=2`);
    await new Promise((resolve) => setImmediate(resolve));
    const idle = await begin(edge.httpPort, '/healthz', { headers: { connection: 'keep-alive' } });
    idle.answer.resume();
    await edge.close();
    expect((await held).every(({ status }) => status === 503)).toBe(true);
    expect(threads.map(({ threadId }) => threadId)).toEqual([-1, -1]);
    await expect(get('/healthz')).rejects.toThrow('ECONNREFUSED');
  });

  it('ends a thread that is told so before it listens', async () => {
    const { edge, threads } = await setUp();
    await threads[0]!.terminate();
    await expect.poll(() => threads.length, PATIENCE).toBe(3);
    await edge.close();
    expect(threads.map(({ threadId }) => threadId)).toEqual([-1, -1, -1]);
  });

  it('says that a port is taken, whoever shares it', async () => {
    const first = await setUp();
    await expect(workerEdge({ httpPort: first.edge.httpPort })).rejects.toMatchObject({ code: 'edge/port-in-use' });
  });
});
