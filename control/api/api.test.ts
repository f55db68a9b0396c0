import { once } from 'node:events';
import { createServer as createHttp2Server, connect } from 'node:http2';
import type { AddressInfo } from 'node:net';

import { expect, onTestFinished, test, vi } from 'vitest';

import { createLocalBus } from '#core/bus/local/local-bus.ts';
import { millis, wallTime } from '#core/media/time.ts';
import { Nodes } from '#core/placement/nodes.ts';
import { MillraceError } from '#core/runtime/errors.ts';

import { broadcastInfo, ladderCatalog, sourceCatalog } from '../testing/broadcasts.ts';
import { edgeNode, transcodeNode } from '../testing/nodes.ts';
import { SECRET, serveControl, type ServedControl } from '../testing/served-control.ts';
import { errorSchema, serverSchema, streamSchema, streamsSchema } from './schemas.ts';

async function onAir(more: Parameters<typeof serveControl>[1] = {}): Promise<ServedControl> {
  const served = await serveControl({}, more);
  const { bus } = served;
  const { broadcast } = broadcastInfo();
  bus.announce(broadcastInfo({ startedAt: Date.UTC(2026, 0, 2, 3, 4, 5) }));
  bus.putCatalog(broadcast, 'source', sourceCatalog());
  bus.putCatalog(broadcast, 'ladder', ladderCatalog());
  bus.putCatalog(broadcast, 'ingest', { bitrate: 2_600_000, frameRate: 29.97003, rtt: millis(38.5), loss: 0.0123456, address: '192.0.2.9', warnings: [{ code: 'source/long-gop', message: 'Set the key-frame interval to 2 s.', since: wallTime(0) }] });
  bus.putCatalog(broadcast, 'transcode', { speed: 1.23456, lag: millis(40), restarts: 1, warnings: [{ code: 'transcode/restarted', message: 'The encoder was restarted.', since: wallTime(1_000) }] });
  bus.putCatalog(broadcast, 'archive', { rewind: millis(7_200_000), recording: true, bytes: 123_456, warnings: [{ code: 'archive/disk-slow', message: 'The disk is slow.', since: wallTime(2_000) }] });
  bus.putCatalog(broadcast, 'audience', { viewers: { hls: 3, webrtc: 1 } });
  return served;
}

test('a stream on air is described, and what is private is not in it', async () => {
  const { get } = await onAir();
  const response = await get('/api/v1/streams/cam1');
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
  const body: unknown = await response.json();
  expect(streamSchema.parse(body)).toEqual({
    stream: 'cam1', state: 'live', broadcast: 'broadcast1', startedAt: '2026-01-02T03:04:05.000Z', returnUntil: null,
    source: {
      protocol: 'rtmp',
      video: { codec: 'h264', codecString: 'avc1.64001f', width: 1280, height: 720, frameRate: 30, variableFrameRate: false, bFrames: true, gopSeconds: 2, bitrate: 2_500_000 },
      audio: { codec: 'aac', codecString: 'mp4a.40.2', sampleRate: 48_000, channels: 2, bitrate: 160_000 },
    },
    rungs: [
      { track: 'video', label: '720p', kind: 'video', codecString: 'avc1.64001f', width: 1280, height: 720, frameRate: 30, bitrate: 2_500_000, peakBitrate: 3_000_000, mode: 'passthrough', reason: 'The source is H.264 and fits as it is.', protocols: ['hls'] },
      { track: 'v360', label: '360p', kind: 'video', codecString: 'avc1.64001f', width: 640, height: 360, frameRate: 30, bitrate: 700_000, peakBitrate: 900_000, mode: 'encoded', reason: 'For viewers with slow connections.', protocols: ['hls', 'webrtc'] },
      { track: 'audio', label: 'Audio', kind: 'audio', codecString: 'mp4a.40.2', width: null, height: null, frameRate: null, bitrate: 160_000, peakBitrate: 170_000, mode: 'passthrough', reason: 'The source is AAC.', protocols: ['hls'] },
    ],
    omitted: [{ label: '480p', reason: 'This machine is not fast enough.' }],
    viewers: { hls: 3, dash: 0, webrtc: 1, total: 4 },
    hls: '/live/cam1/master.m3u8', dash: '/live/cam1/manifest.mpd', rewind: { seconds: 7200, url: '/live/cam1/rewind.m3u8' }, recording: true,
    poster: '/live/cam1/poster.jpg', thumbnail: '/live/cam1/thumbnail.jpg',
  });
  expect(JSON.stringify(body)).not.toMatch(/192\.0\.2\.9|obs-output|key-frame interval|The disk is full/);
});

test('with a key of the stream its broadcaster is described too, and nobody else\'s', async () => {
  const { get } = await onAir();
  const withKey = (path: string, key: string): Promise<Response> => get(path, { headers: { Authorization: `Bearer ${key}` } });
  const own = await withKey('/api/v1/streams/cam1', `cam1_${SECRET}`);
  expect(own.headers.get('cache-control')).toBe('no-store');
  expect(streamSchema.parse(await own.json()).broadcaster?.warnings).toHaveLength(3);
  for (const [path, key] of [
    ['/api/v1/streams/cam1', `cam2_${SECRET}`],
    ['/api/v1/streams/cam1', 'cam1_aaaaaaaaaaaaaaaa'],
    ['/api/v1/streams', `cam1_${SECRET}`],
    ['/api/v1/server', `cam1_${SECRET}`],
  ] as const) {
    expect([path, (await withKey(path, key)).status]).toEqual([path, 401]);
  }
  const disconnect = await get('/api/v1/streams/cam1/disconnect', { method: 'POST', headers: { Authorization: `Bearer cam1_${SECRET}` } });
  expect(disconnect.status).toBe(401);
});

test('wrong keys asked about are guesses: after as many as may be tried the right one is not heard either', async () => {
  const { get, stage } = await serveControl({ publishAttemptsPerMinute: 3 });
  const status = async (key: string): Promise<number> => (await get('/api/v1/streams/cam1', { headers: { Authorization: `Bearer ${key}` } })).status;
  expect(await status(`cam1_${SECRET}`)).toBe(200);
  for (const letter of ['a', 'b', 'c']) {
    expect(await status(`cam1_${letter.repeat(16)}`)).toBe(401);
  }
  expect(await status(`cam1_${SECRET}`)).toBe(401);
  expect(await stage.policy.decide({ key: `cam1_${SECRET}`, address: '127.0.0.1', protocol: 'whip' })).toMatchObject({ code: 'publish/too-many-attempts' });
});

test('with the token the broadcaster is described too', async () => {
  const { getWithToken } = await onAir();
  const response = await getWithToken('/api/v1/streams/cam1');
  expect(response.headers.get('cache-control')).toBe('no-store');
  expect(streamSchema.parse(await response.json()).broadcaster).toEqual({
    address: '192.0.2.9', encoder: 'obs-output',
    ingest: { bitrate: 2_600_000, frameRate: 29.97, rttMillis: 38.5, loss: 0.012 },
    transcode: { speed: 1.235, lagMillis: 40, restarts: 1 },
    archive: { bytes: 123_456, rewindOff: null },
    warnings: [
      { code: 'source/long-gop', message: 'Set the key-frame interval to 2 s.', since: '1970-01-01T00:00:00.000Z' },
      { code: 'transcode/restarted', message: 'The encoder was restarted.', since: '1970-01-01T00:00:01.000Z' },
      { code: 'archive/disk-slow', message: 'The disk is slow.', since: '1970-01-01T00:00:02.000Z' },
    ],
  });
});

test('where the protocol does not tell of round trip and loss, both are null', async () => {
  const { bus, getWithToken } = await onAir();
  bus.putCatalog(broadcastInfo().broadcast, 'ingest', { bitrate: 2_600_000, frameRate: 30, address: '192.0.2.9', warnings: [] });
  expect(streamSchema.parse(await (await getWithToken('/api/v1/streams/cam1')).json()).broadcaster?.ingest).toEqual({ bitrate: 2_600_000, frameRate: 30, rttMillis: null, loss: null });
});

test('a known stream that is off air is offline, with nothing of its last broadcast', async () => {
  const { bus, getWithToken } = await onAir();
  bus.announce(broadcastInfo({ state: 'ended' }));
  expect(streamSchema.parse(await (await getWithToken('/api/v1/streams/cam1')).json())).toEqual({
    stream: 'cam1', state: 'offline', broadcast: null, startedAt: null, returnUntil: null, source: null, rungs: [], omitted: [], viewers: { hls: 0, dash: 0, webrtc: 0, total: 0 },
    hls: null, dash: null, rewind: null, recording: false, poster: null, thumbnail: null,
  });
});

test('an interrupted stream says until when its broadcaster may return', async () => {
  const { bus, get } = await onAir();
  bus.announce(broadcastInfo({ state: 'interrupted', graceEnds: 31_000 }));
  expect(await (await get('/api/v1/streams/cam1')).json()).toMatchObject({ state: 'interrupted', broadcast: 'broadcast1', returnUntil: '1970-01-01T00:00:31.000Z' });
});

test('a broadcast of sound alone, or announced before its catalog, is described as far as it is known', async () => {
  const { bus, get } = await serveControl();
  bus.announce(broadcastInfo());
  expect(streamSchema.parse(await (await get('/api/v1/streams/cam1')).json())).toMatchObject({ state: 'live', source: null, rungs: [] });
  bus.putCatalog(broadcastInfo().broadcast, 'source', sourceCatalog({ tracks: sourceCatalog().tracks.slice(1) }));
  expect(streamSchema.parse(await (await get('/api/v1/streams/cam1')).json()).source).toMatchObject({ video: null, audio: { codec: 'aac' } });
});

test('rewind that had to be turned off is told to the broadcaster with its reason, and is not offered', async () => {
  const { bus, get, getWithToken } = await onAir();
  bus.putCatalog(broadcastInfo().broadcast, 'archive', { rewind: millis(0), rewindOff: 'The disk is full.', recording: false, bytes: 0, warnings: [] });
  expect(streamSchema.parse(await (await get('/api/v1/streams/cam1')).json())).toMatchObject({ rewind: null, recording: false });
  expect(streamSchema.parse(await (await getWithToken('/api/v1/streams/cam1')).json()).broadcaster?.archive).toEqual({ bytes: 0, rewindOff: 'The disk is full.' });
});

test('sound alone has no pictures, and what only WebRTC carries has neither playlist nor manifest', async () => {
  const { bus, get } = await onAir();
  const { renditions } = ladderCatalog();
  const put = (faces: 'hls' | 'webrtc', kind: 'video' | 'audio'): void =>
    bus.putCatalog(broadcastInfo().broadcast, 'ladder', ladderCatalog({ renditions: renditions.filter(({ config }) => config.kind === kind).map((rendition) => ({ ...rendition, faces: [faces] })) }));
  put('hls', 'audio');
  expect(await (await get('/api/v1/streams/cam1')).json()).toMatchObject({ hls: '/live/cam1/master.m3u8', poster: null, thumbnail: null });
  put('webrtc', 'video');
  expect(await (await get('/api/v1/streams/cam1')).json()).toMatchObject({ hls: null, dash: null, poster: null, thumbnail: null });
});

test('all streams are listed by name', async () => {
  const { get, getWithToken } = await onAir();
  const { streams } = streamsSchema.parse(await (await get('/api/v1/streams')).json());
  expect(streams.map(({ stream, state, broadcaster }) => [stream, state, broadcaster])).toEqual([['cam1', 'live', undefined], ['cam2', 'offline', undefined]]);
  expect(streamsSchema.parse(await (await getWithToken('/api/v1/streams')).json()).streams[0]?.broadcaster?.address).toBe('192.0.2.9');
});

test('the server describes itself to the token\'s holder', async () => {
  let now = Date.UTC(2026, 0, 1);
  const served = await onAir({ clock: () => wallTime(now), capacity: () => ({ megapixelsPerSecond: 120.0432, budget: 72.026, used: 30.4599 }) });
  now += 90_999;
  expect(serverSchema.parse(await (await served.getWithToken('/api/v1/server')).json())).toEqual({
    version: '1.2.3', startedAt: '2026-01-01T00:00:00.000Z', uptimeSeconds: 90, nodes: 1,
    streams: { known: 2, live: 1, interrupted: 0 },
    viewers: { hls: 3, dash: 0, webrtc: 1, total: 4 },
    capacity: { megapixelsPerSecond: 120, budget: 72, used: 30.5 },
    limits: { publishAttemptsPerMinute: 20, eventConnections: 1_000, eventConnectionsPerAddress: 64 },
  });
});

test('the encoders\' room is that of all transcoders', async () => {
  const bus = createLocalBus();
  [transcodeNode('t1', 100), transcodeNode('t2', 50.04), edgeNode('e1')].forEach((info) => bus.present(info));
  const { getWithToken } = await serveControl({}, { bus, nodes: new Nodes(bus), node: 'e1', capacity: () => undefined });
  expect(serverSchema.parse(await (await getWithToken('/api/v1/server')).json())).toMatchObject({ nodes: 3, capacity: { megapixelsPerSecond: 150, budget: 75, used: 20 } });
});

test('who keeps the broadcast is named where it is another server', async () => {
  const { bus, get } = await onAir();
  bus.putCatalog(broadcastInfo().broadcast, 'archive', { rewind: millis(60_000), recording: true, bytes: 1, warnings: [], url: 'https://edge-2.example.com/tv' });
  expect(streamSchema.parse(await (await get('/api/v1/streams/cam1')).json())).toMatchObject({ rewind: { seconds: 60, url: 'https://edge-2.example.com/tv/live/cam1/rewind.m3u8' }, hls: '/live/cam1/master.m3u8' });
});

test.each([
  ['GET', '/api/v1/streams/nobody', 404, 'unknown-stream'],
  ['GET', '/api/v1/streams/nobody/events', 404, 'unknown-stream'],
  ['GET', '/api/v1/streams/CAM1', 400, 'malformed'],
  ['GET', '/api/v1/streams/-cam', 400, 'malformed'],
  ['GET', `/api/v1/streams/${'a'.repeat(64)}`, 400, 'malformed'],
  ['GET', '/api/v1/streams/cam%201', 400, 'malformed'],
  ['GET', '/api/v1/streams/..%2f..%2fetc', 400, 'malformed'],
  ['GET', '/api/v1/streams/%zz', 400, 'malformed'],
  ['GET', '/api/v1/streams/__proto__', 400, 'malformed'],
  ['GET', '/api/v1/streams/constructor', 404, 'unknown-stream'],
  ['GET', '/api/v1/nothing', 404, 'not-found'],
  ['GET', '/api/v2/streams', 404, 'not-found'],
  ['GET', '/api', 404, 'not-found'],
  ['POST', '/api/v1/streams', 405, 'method-not-allowed'],
  ['DELETE', '/api/v1/streams/cam1', 405, 'method-not-allowed'],
  ['GET', '/api/v1/streams/cam1/disconnect', 405, 'method-not-allowed'],
  ['GET', '/api/v1/server', 401, 'unauthorized'],
  ['POST', '/api/v1/streams/cam1/disconnect', 401, 'unauthorized'],
  ['POST', '/api/v1/streams/nobody/disconnect', 401, 'unauthorized'],
  ['POST', '/api/v1/streams/cam1/metadata', 401, 'unauthorized'],
  ['GET', '/api/v1/streams/cam1/metadata', 405, 'method-not-allowed'],
  ['DELETE', '/api/v1/recordings/recording1', 401, 'unauthorized'],
  ['POST', '/api/v1/recordings', 405, 'method-not-allowed'],
  ['GET', '/api/v1/nodes', 401, 'unauthorized'],
  ['GET', '/api/v1/edges?stream=NO', 400, 'malformed'],
  ['GET', '/api/v1/edges?region=%22', 400, 'malformed'],
  ['GET', '/api/v1/ingests?region=a%20b', 400, 'malformed'],
  ['GET', '/api/v1/steering/NO', 400, 'malformed'],
  ['GET', '/api/v1/steering', 404, 'not-found'],
  ['POST', '/api/v1/edges', 405, 'method-not-allowed'],
])('%s %s is answered with %i and the code %s', async (method, path, status, code) => {
  const { get } = await serveControl();
  const response = await get(path, { method });
  expect(response.status).toBe(status);
  expect(errorSchema.parse(await response.json()).code).toBe(code);
});

test('a refused method is told what is possible', async () => {
  const { get } = await serveControl();
  expect((await get('/api/v1/streams', { method: 'PUT' })).headers.get('allow')).toBe('GET, HEAD, OPTIONS');
  expect((await get('/api/v1/streams/cam1/disconnect')).headers.get('allow')).toBe('POST, OPTIONS');
});

test('a wrong token is refused even where none is needed, whatever address the request claims', async () => {
  const { get } = await serveControl();
  const headers = { Authorization: 'Bearer wrong', 'X-Forwarded-For': '127.0.0.1' };
  for (const path of ['/api/v1/streams', '/api/v1/streams/cam1', '/api/v1/server']) {
    const response = await get(path, { headers });
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toContain('Bearer');
  }
});

test('pages of any origin read public facts, and nothing else', async () => {
  const { get, getWithToken } = await serveControl();
  expect((await get('/api/v1/streams/cam1')).headers.get('access-control-allow-origin')).toBe('*');
  expect((await get('/api/v1/streams/nobody')).headers.get('access-control-allow-origin')).toBe('*');
  expect((await getWithToken('/api/v1/server')).headers.get('access-control-allow-origin')).toBeNull();
  const preflight = await get('/api/v1/streams/cam1', { method: 'OPTIONS' });
  expect(preflight.status).toBe(204);
  expect(preflight.headers.get('access-control-allow-methods')).toBe('GET, HEAD');
  expect(preflight.headers.get('access-control-allow-headers')).toBeNull();
  expect((await get('/api/v1/streams/cam1/disconnect', { method: 'OPTIONS' })).headers.get('access-control-allow-origin')).toBeNull();
});

test('HEAD answers the headers of GET', async () => {
  const { get } = await onAir();
  const [head, whole] = [await get('/api/v1/streams/cam1', { method: 'HEAD' }), await get('/api/v1/streams/cam1')];
  expect(head.status).toBe(200);
  expect(head.headers.get('content-length')).toBe(whole.headers.get('content-length'));
  expect(await head.text()).toBe('');
});

test.each(['bus/unreachable', 'bus/busy'])('while others cannot be reached (%s), that is said, and when to try again', async (code) => {
  const { bus, getWithToken } = await onAir();
  const away = (): Promise<never> => Promise.reject(new MillraceError(code, 'away'));
  vi.spyOn(bus, 'lease').mockImplementation(away);
  vi.spyOn(bus, 'request').mockImplementation(away);
  for (const [method, path, body] of [['POST', '/api/v1/streams/cam1/disconnect'], ['POST', '/api/v1/streams/cam1/metadata', '{"type":"a","data":1}'], ['GET', '/api/v1/recordings'], ['DELETE', '/api/v1/recordings/recording1']] as const) {
    const answer = await getWithToken(path, { method, body: body ?? null });
    expect([path, answer.status, answer.headers.get('retry-after'), errorSchema.parse(await answer.json()).code]).toEqual([path, 503, '5', 'unavailable']);
  }
});

test('a disconnected publisher loses its lease', async () => {
  const { bus, getWithToken } = await onAir();
  const lease = await bus.lease('ingest/cam1');
  const response = await getWithToken('/api/v1/streams/cam1/disconnect', { method: 'POST' });
  expect(response.status).toBe(202);
  expect(await response.json()).toEqual({ stream: 'cam1', broadcast: 'broadcast1' });
  await lease.lost;
  expect((await getWithToken('/api/v1/streams/cam2/disconnect', { method: 'POST' })).status).toBe(409);
});

test('a fault of ours answers 500 without telling its cause, and is logged', async () => {
  const { getWithToken, logged } = await serveControl({}, { capacity: () => { throw new Error('private cause'); } });
  const response = await getWithToken('/api/v1/server');
  expect(response.status).toBe(500);
  expect(errorSchema.parse(await response.json())).toEqual({ code: 'internal', message: 'The server failed to answer; its log says why.' });
  expect(logged()).toContain('private cause');
});

test('what is not under /api is left to others', async () => {
  const { get } = await serveControl();
  expect(await (await get('/watch/cam1')).text()).toContain('Cannot GET');
});

test('everything works under a base path', async () => {
  const { get, url } = await onAir({ basePath: '/tv/channel' });
  expect(url).toMatch(/\/tv\/channel$/);
  expect((await get('/api/v1/streams/cam1')).status).toBe(200);
  expect(await (await get('/api/v1/openapi.json')).json()).toMatchObject({ servers: [{ url: '/tv/channel' }] });
  expect(errorSchema.parse(await (await get('/api/v1/nothing')).json()).code).toBe('not-found');
});

test('everything works over HTTP/2', async () => {
  const { stage } = await onAir();
  // What the edge does for every app: the router is handed Node's HTTP/2 request and response.
  const server = createHttp2Server((request, response) => stage.router(request as never, response as never, () => response.writeHead(418).end()));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  onTestFinished(() => {
    client.destroy();
    server.close();
  });
  const ask = async (path: string, method = 'GET'): Promise<[number | undefined, string]> => {
    const stream = client.request({ ':path': path, ':method': method }).setEncoding('utf8');
    let status: number | undefined;
    stream.once('response', (headers) => { status = headers[':status']; });
    let text = '';
    for await (const chunk of stream) {
      text += String(chunk);
      if (text.includes('\n\n')) {
        break;
      }
    }
    return [status, text];
  };
  const [status, body] = await ask('/api/v1/streams/cam1');
  expect(status).toBe(200);
  expect(streamSchema.parse(JSON.parse(body)).state).toBe('live');
  expect(await ask('/api/v1/streams/cam1', 'HEAD')).toEqual([200, '']);
  expect((await ask('/api/v1/streams/nobody'))[0]).toBe(404);
  expect(await ask('/api/v1/streams/cam1/events')).toEqual([200, expect.stringContaining('{"state":"live","broadcast":"broadcast1"}')]);
});
