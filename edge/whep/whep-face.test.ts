import { get as httpGet, request, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';

import { afterEach, describe, expect, it } from 'vitest';

import { createLocalBus } from '#core/bus/local/local-bus.ts';
import { wallTime } from '#core/media/time.ts';
import { offerText } from '#core/rtc/sdp/testing/offers.ts';

import type { EdgeConfig } from '../config.ts';
import { testEdge, until } from '../http/testing/edge.ts';
import { FakeRtc } from './testing/fake-rtc.ts';
import { message, rendition, TestBroadcast } from './testing/broadcast.ts';

type Answer = { readonly status: number; readonly headers: IncomingHttpHeaders; readonly text: string };
type Asked = { readonly method?: string; readonly body?: string; readonly type?: string };

const OFFER = offerText('chromium-156-whep');
const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()));
});

/** An edge with a transport that has no network, and a live broadcast of two rungs. */
async function setUp(config: Partial<EdgeConfig> = {}) {
  const bus = createLocalBus();
  const rtc = new FakeRtc();
  const { edge, metrics } = await testEdge(config, { bus, rtc, knownStreams: () => ['quiet'] });
  closers.push(() => edge.close());
  const broadcast = new TestBroadcast(bus);
  broadcast.ladder(rendition('video', 2_000_000), rendition('v360', 800_000));
  broadcast.write('video', 0, 3);
  const ask = (path: string, { method = 'POST', body = '', type = 'application/sdp' }: Asked = {}): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const asked = request({ host: '127.0.0.1', port: edge.httpPort, path, method, agent: false, headers: body === '' ? {} : { 'Content-Type': type } }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
      });
      asked.on('error', reject);
      asked.end(body);
    });
  const watch = async () => {
    const answer = await ask('/whep/demo', { body: OFFER });
    return { answer, session: answer.headers.location ?? '' };
  };
  /** Reads an event stream; `text` grows. */
  const listen = (path: string): Promise<{ readonly response: IncomingMessage; text: string; ended: boolean }> =>
    new Promise((resolve, reject) => {
      const asked = httpGet({ host: '127.0.0.1', port: edge.httpPort, path, agent: false }, (response) => {
        const stream = { response, text: '', ended: false };
        response.setEncoding('utf8').on('data', (chunk: string) => (stream.text += chunk));
        response.on('close', () => (stream.ended = true));
        resolve(stream);
      });
      asked.on('error', reject);
    });
  return { bus, rtc, edge, broadcast, metrics, ask, watch, listen };
}

const json = (value: unknown): Asked => ({ body: JSON.stringify(value), type: 'application/json' });

describe('POST /whep/<stream>', () => {
  it('answers with a session, its address and its extensions', async () => {
    const { watch } = await setUp();
    const { answer, session } = await watch();
    expect(answer.status).toBe(201);
    expect(session).toMatch(/^\/whep\/demo\/[\w-]{32}$/);
    expect(answer.headers.link).toBe(
      `<${session}/layer>; rel="urn:ietf:params:whep:ext:core:layer", ` +
        `<${session}/events>; rel="urn:ietf:params:whep:ext:core:server-sent-events"; events="active,inactive,layers,viewercount,clock,estimate,metadata,move"`,
    );
    expect(answer.text).toContain('a=sendonly');
    expect(answer.text).toContain('a=candidate:1 1 udp');
  });

  it('stands below the path of the public URL', async () => {
    const { ask } = await setUp({ publicUrl: 'https://tv.example/millrace/' });
    const { headers } = await ask('/millrace/whep/demo', { body: OFFER });
    expect(headers.location).toMatch(/^\/millrace\/whep\/demo\//);
    expect(headers.link).toContain(`<${headers.location ?? ''}/layer>`);
    expect((await ask(`${headers.location ?? ''}/layer`, json({}))).status).toBe(200);
  });

  it('says who is off air, and who does not exist', async () => {
    const { ask, broadcast } = await setUp();
    expect((await ask('/whep/nobody', { body: OFFER })).status).toBe(404);
    const quiet = await ask('/whep/quiet', { body: OFFER });
    expect([quiet.status, quiet.headers['retry-after'], JSON.parse(quiet.text)]).toMatchObject([409, '1', { code: 'offline' }]);
    broadcast.state('ended');
    expect((await ask('/whep/demo', { body: OFFER })).status).toBe(409);
  });

  it('refuses an offer without a codec of the stream', async () => {
    const { ask } = await setUp();
    const vp8Only = OFFER.replace(/ H264\//g, ' H000/');
    const answer = await ask('/whep/demo', { body: vp8Only });
    expect([answer.status, JSON.parse(answer.text)]).toMatchObject([422, { code: 'whep/no-codec' }]);
  });

  it('counts its viewers by address and in all', async () => {
    const { watch, ask, metrics } = await setUp({ maxWhepViewersPerAddress: 2 });
    const { session } = await watch();
    await watch();
    const refused = (await watch()).answer;
    expect([refused.status, refused.headers['retry-after'], JSON.parse(refused.text)]).toMatchObject([429, '10', { code: 'whep/too-many-viewers' }]);
    await ask(session, { method: 'DELETE' });
    expect((await watch()).answer.status).toBe(201);
    expect(await metrics.metrics()).toContain('millrace_whep_refused_total{code="whep/too-many-viewers"} 1');
    const full = await setUp({ maxWhepViewers: 0 });
    const answer = (await full.watch()).answer;
    expect([answer.status, answer.headers['retry-after'], JSON.parse(answer.text)]).toMatchObject([503, '5', { code: 'whep/full' }]);
  });

  it('tells the transcoder of the first viewer at once, and of the last one that left', async () => {
    const { watch, bus, broadcast, ask } = await setUp();
    const viewers: unknown[] = [];
    bus.onCatalog(broadcast.id, 'audience', (audience) => viewers.push(audience.viewers));
    const { session } = await watch();
    expect(viewers).toEqual([{ webrtc: 1 }]);
    await ask(session, { method: 'DELETE' });
    await until(() => viewers.length === 2);
    expect(viewers[1]).toEqual({});
  });

  it('is not there without a transport', async () => {
    const { edge, get } = await testEdge();
    closers.push(() => edge.close());
    expect((await get('/whep/demo', { method: 'POST' })).status).toBe(404);
  });
});

describe('a session', () => {
  it('ends by DELETE, with all its event streams', async () => {
    const { watch, ask, listen, rtc } = await setUp();
    const { session } = await watch();
    const stream = await listen(`${session}/events`);
    expect((await ask(session, { method: 'DELETE' })).status).toBe(200);
    await until(() => stream.ended);
    expect(rtc.peer.closedWith).toBe('closed');
    expect((await ask(`${session}/layer`, json({}))).status).toBe(404);
  });

  it('restarts ICE', async () => {
    const { watch, ask, rtc, edge } = await setUp();
    const { session } = await watch();
    const fragment = ['a=ice-ufrag:abcd', 'a=ice-pwd:aaaaaaaaaaaaaaaaaaaaaaaa', 'm=audio 9 UDP/TLS/RTP/SAVPF 111', 'a=mid:0', ''].join('\r\n');
    const answer = await new Promise<{ status: number; text: string }>((resolve, reject) => {
      const headers = { 'Content-Type': 'application/trickle-ice-sdpfrag', 'If-Match': '*' };
      const asked = request({ host: '127.0.0.1', port: edge.httpPort, path: session, method: 'PATCH', agent: false, headers }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
      });
      asked.on('error', reject);
      asked.end(fragment);
    });
    expect(answer.status).toBe(200);
    expect(answer.text).toContain('a=ice-ufrag:new');
    expect(rtc.peer.restarted).toEqual({ ufrag: 'abcd', pwd: 'a'.repeat(24) });
    expect((await ask(session, { method: 'OPTIONS' })).status).toBeLessThan(300);
  });
});

describe('events', () => {
  it('tell the state at once, then every change', async () => {
    const { watch, listen, rtc, broadcast } = await setUp();
    const { session } = await watch();
    const stream = await listen(`${session}/events`);
    expect(stream.response.headers['content-type']).toBe('text/event-stream');
    await until(() => stream.text.includes('layers'));
    expect(stream.text).toContain('event: active\ndata: {"broadcast":"testbroadcast"}\n\n');
    rtc.peer.handler.connected();
    await until(() => stream.text.includes('"current":true'));
    const layers = /event: layers\ndata: (.*"current":true.*)\n/.exec(stream.text)?.[1] ?? '';
    expect(JSON.parse(layers)).toEqual({
      '0': [
        { rid: 'video', encodingId: 'video', label: 'video', width: 640, height: 360, frameRate: 30, bitrate: 2_000_000, targetBitrate: 2_000_000, current: true, selected: false },
        { rid: 'v360', encodingId: 'v360', label: 'v360', width: 640, height: 360, frameRate: 30, bitrate: 800_000, targetBitrate: 800_000, current: false, selected: false },
      ],
    });
    await until(() => stream.text.includes('viewercount'));
    expect(stream.text).toContain('event: viewercount\ndata: {"viewercount":1}\n\n');
    broadcast.state('interrupted');
    await until(() => stream.text.includes('interrupted'));
    expect(stream.text).toContain('event: inactive\ndata: {"state":"interrupted"}\n\n');
  });

  it('tell the messages of the broadcast, with the timestamps that the sender gives their frames', async () => {
    const { watch, listen, rtc, bus } = await setUp();
    const { session } = await watch();
    const stream = await listen(`${session}/events`);
    rtc.peer.handler.connected();
    // What is older than the server's clock would be taken for an encoder's past.
    const startedAt = wallTime(Date.now());
    const broadcast = new TestBroadcast(bus, 'laterbroadcast', 'demo', startedAt);
    broadcast.ladder(rendition('video', 2_000_000));
    broadcast.write('video', 0, 3, { events: [message('e', 0)] });
    await until(() => stream.text.includes('event: metadata') && stream.text.includes(`"wall":${startedAt}`));
    const last = (name: string): unknown => JSON.parse(stream.text.split(`event: ${name}\ndata: `).at(-1)?.split('\n')[0] ?? '');
    const told = last('metadata') as { readonly video: number };
    expect(told).toEqual({ id: 'e'.repeat(32), type: 'poll', data: { question: '?' }, time: 0, wallTime: new Date(startedAt).toISOString(), video: expect.any(Number) as number });
    // `clock` is about the first frame of the group, and so is this message; after another broadcast's last frame it may come up to 1 ms late.
    const clock = last('clock') as { readonly wall: number; readonly video: number };
    expect(clock.wall).toBe(startedAt);
    expect((told.video - clock.video) | 0).toBeGreaterThanOrEqual(0);
    expect((told.video - clock.video) | 0).toBeLessThanOrEqual(90);
  });

  it('can be asked for by name, on a stream of their own that can be deleted', async () => {
    const { watch, ask, listen } = await setUp();
    const { session } = await watch();
    const made = await ask(`${session}/events`, json(['layers']));
    expect([made.status, made.headers.location?.startsWith(`${session}/events/`)]).toEqual([201, true]);
    const path = made.headers.location ?? '';
    const stream = await listen(path);
    await until(() => stream.text.includes('event: layers'));
    expect(stream.text).not.toContain('event: active');
    expect((await ask(path, { method: 'DELETE' })).status).toBe(200);
    await until(() => stream.ended);
    expect((await ask(path, { method: 'GET' })).status).toBe(404);
    expect((await ask(`${session}/events`, {})).status).toBe(201);
  });

  it('are bounded: the oldest streams make room', async () => {
    const { watch, ask } = await setUp();
    const { session } = await watch();
    const paths: string[] = [];
    for (let i = 0; i < 6; i++) {
      paths.push((await ask(`${session}/events`, json(['layers']))).headers.location ?? '');
    }
    expect((await ask(paths[0] ?? '', { method: 'DELETE' })).status).toBe(404);
    expect((await ask(paths[5] ?? '', { method: 'DELETE' })).status).toBe(200);
  });
});

describe('a layer request', () => {
  it.each([
    { name: 'a rung', asked: json({ mediaId: '1', encodingId: 'v360' }), status: 200 },
    { name: 'a rung by the name of the newest draft', asked: json({ rid: 'v360' }), status: 200 },
    { name: 'the automatic choice', asked: json({ mediaId: '1' }), status: 200 },
    { name: 'a bound', asked: json({ maxHeight: 720, maxWidth: 1280 }), status: 200 },
    { name: 'a rung that is not there', asked: json({ encodingId: 'v9000' }), status: 404, code: 'whep/no-layer' },
    { name: 'no JSON', asked: { body: '{', type: 'application/json' }, status: 400, code: 'whep/bad-json' },
    { name: 'no object', asked: json([]), status: 400, code: 'whep/bad-layer' },
    { name: 'a number for a rung', asked: json({ encodingId: 3 }), status: 400, code: 'whep/bad-layer' },
    { name: 'a bound below zero', asked: json({ maxHeight: -1 }), status: 400, code: 'whep/bad-layer' },
    { name: 'another type', asked: { body: '{}', type: 'text/plain' }, status: 415, code: 'signalling/content-type' },
    { name: 'another method', asked: { method: 'PUT' }, status: 405, code: 'signalling/method' },
    { name: 'a preflight', asked: { method: 'OPTIONS' }, status: 204 },
  ])('for $name gets $status', async ({ asked, status, code }) => {
    const { watch, ask } = await setUp();
    const { session } = await watch();
    const answer = await ask(`${session}/layer`, asked);
    expect(answer.status).toBe(status);
    expect(answer.headers['access-control-allow-origin']).toBe('*');
    if (code !== undefined) {
      expect(JSON.parse(answer.text)).toMatchObject({ code });
    }
  });

  it('for a session of another stream, or none, gets 404', async () => {
    const { watch, ask } = await setUp();
    const { session } = await watch();
    expect((await ask(`${session.replace('demo', 'quiet')}/layer`, json({}))).status).toBe(404);
    expect((await ask(`/whep/demo/${'x'.repeat(32)}/layer`, json({}))).status).toBe(404);
  });
});
