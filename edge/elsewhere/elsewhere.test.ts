import { request } from 'node:http';

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { createLocalBus } from '#core/bus/local/local-bus.ts';
import type { NodeInfo } from '#core/bus/node.ts';
import { millis, wallTime } from '#core/media/time.ts';
import { offerText } from '#core/rtc/sdp/testing/offers.ts';

import { testEdge, until } from '../http/testing/edge.ts';
import { TestStream } from '../http/testing/stream.ts';
import { FakeRtc } from '../whep/testing/fake-rtc.ts';
import { rendition, TestBroadcast } from '../whep/testing/broadcast.ts';
import { Drain } from './drain.ts';
import { LoadMeter } from './load-meter.ts';
import { OtherEdges } from './other-edges.ts';
import { edgeNode } from './testing/nodes.ts';

const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()));
});

/** An edge named `here` among others. */
async function among(others: readonly NodeInfo[], config: Parameters<typeof testEdge>[0] = {}) {
  const list = [edgeNode('here', { url: 'http://here.example:8080' }), ...others];
  const bus = createLocalBus();
  const started = await testEdge(config, { bus, rtc: new FakeRtc(), node: 'here', nodes: { list: () => list } });
  closers.push(() => started.edge.close());
  return { ...started, list };
}

describe('other edges', () => {
  const edges = (list: readonly NodeInfo[], region?: string): OtherEdges => new OtherEdges({ nodes: { list: () => list }, node: 'here', region, clock: () => wallTime(0) });

  test('take turns where they are equally good', () => {
    const found = edges([edgeNode('here'), edgeNode('a'), edgeNode('b', { load: 0.05 }), edgeNode('busy', { load: 0.8 })]);
    expect(new Set([found.next(), found.next(), found.next(), found.next()])).toEqual(new Set(['http://a.example', 'http://b.example']));
  });

  test('are neither this one, nor one behind the same address, nor full or leaving ones', () => {
    const found = edges([edgeNode('here'), edgeNode('twin', { url: 'http://here.example' }), edgeNode('full', { load: 1 }), edgeNode('leaving', { draining: true })]);
    expect([found.some, found.next(), found.ownUrl]).toEqual([false, undefined, 'http://here.example']);
  });

  test('of the same region come first', () => {
    expect(edges([edgeNode('a'), edgeNode('near', { region: 'eu', load: 0.7 })], 'eu').next()).toBe('http://near.example');
  });
});

describe('a drain', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  const start = (others: readonly NodeInfo[], viewers: () => number) => {
    const clock = () => wallTime(Date.now());
    const drain = new Drain({ edges: new OtherEdges({ nodes: { list: () => others }, node: 'here', region: undefined, clock }), viewers, tell: () => undefined });
    const over = vi.fn();
    void drain.begin(millis(30_000)).then(over);
    return { drain, over };
  };

  test('is over when the last viewer has gone', async () => {
    let viewers = 3;
    const { drain, over } = start([edgeNode('other')], () => viewers);
    expect(drain.target).toBe('http://other.example');
    await vi.advanceTimersByTimeAsync(10_000);
    expect(over).not.toHaveBeenCalled();
    viewers = 0;
    await vi.advanceTimersByTimeAsync(250);
    expect(over).toHaveBeenCalled();
    expect(drain.isOn).toBe(true);
  });

  test('is over at its limit, or when the edge is closed', async () => {
    const patient = start([edgeNode('other')], () => 1);
    await vi.advanceTimersByTimeAsync(29_800);
    expect(patient.over).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(250);
    expect(patient.over).toHaveBeenCalled();
    const cut = start([edgeNode('other')], () => 1);
    cut.drain.close();
    await vi.advanceTimersByTimeAsync(0);
    expect(cut.over).toHaveBeenCalled();
  });

  test('is over at once where there is no other edge', async () => {
    const { over } = start([], () => 1);
    await vi.advanceTimersByTimeAsync(0);
    expect(over).toHaveBeenCalled();
  });
});

test('load is the largest of what limits an edge', () => {
  let share = 0.25;
  const meter = new LoadMeter(() => [0, share]);
  expect(meter.load).toBe(0.25);
  share = 7;
  meter.sample();
  expect(meter.load).toBe(1);
});

describe('viewers of an edge that drains', () => {
  test('are told where to go with each playlist, and nowhere else; it is no longer ready', async () => {
    const { edge, bus, get } = await among([edgeNode('other')]);
    new TestStream(bus).parts(12);
    await until(async () => (await get('/live/demo/master.m3u8')).status === 200);
    expect((await get('/live/demo/master.m3u8')).headers['millrace-move']).toBeUndefined();
    expect((await get('/readyz')).status).toBe(200);
    void edge.drain(millis(60_000));
    const playlists = ['/live/demo/master.m3u8', '/live/demo/testbroadcast/video/index.m3u8', '/live/demo/manifest.mpd'];
    for (const path of playlists) {
      const { status, headers } = await get(path);
      expect([path, status, headers['millrace-move'], headers['access-control-expose-headers']]).toEqual([path, 200, 'http://other.example', expect.stringContaining('Millrace-Move')]);
    }
    const part = await get('/live/demo/testbroadcast/video/100.0.m4s');
    expect([part.status, part.headers['millrace-move']]).toEqual([200, undefined]);
    expect((await get('/readyz')).status).toBe(503);
  });

  test('who stay are served; without another edge nobody is told anything', async () => {
    const { edge, bus, get } = await among([]);
    new TestStream(bus).parts(12);
    await edge.drain(millis(60_000));
    await until(async () => (await get('/live/demo/master.m3u8')).status === 200);
    expect((await get('/live/demo/master.m3u8')).headers['millrace-move']).toBeUndefined();
  });

  test('over WebRTC are told by an event, and new ones are sent elsewhere, once', async () => {
    const { edge, bus } = await among([edgeNode('other')]);
    const broadcast = new TestBroadcast(bus);
    broadcast.ladder(rendition('video', 2_000_000));
    broadcast.write('video', 0, 3);
    const here = await post(edge.httpPort, '/whep/demo');
    expect(here.status).toBe(201);
    const events = await fetch(`http://127.0.0.1:${edge.httpPort}${here.location}/events`);
    const reader = events.body?.getReader();
    void edge.drain(millis(60_000));
    let text = '';
    while (!text.includes('event: move')) {
      text += Buffer.from((await reader?.read())?.value ?? []).toString();
    }
    expect(text).toContain('event: move\ndata: {"url":"http://other.example"}\n');
    await reader?.cancel();
    expect(await post(edge.httpPort, '/whep/demo')).toEqual({ status: 307, location: 'http://other.example/whep/demo?via=here' });
    expect((await post(edge.httpPort, '/whep/demo?via=other')).status).toBe(201);
  });
});

test('an edge with as many WebRTC viewers as it takes sends further ones elsewhere', async () => {
  const { edge, bus, list } = await among([edgeNode('other')], { maxWhepViewers: 1 });
  const broadcast = new TestBroadcast(bus);
  broadcast.ladder(rendition('video', 2_000_000));
  broadcast.write('video', 0, 3);
  expect((await post(edge.httpPort, '/whep/demo')).status).toBe(201);
  expect(edge.load).toMatchObject({ load: 1, whep: true });
  expect((await post(edge.httpPort, '/whep/demo')).status).toBe(307);
  expect((await post(edge.httpPort, '/whep/demo?via=x')).status).toBe(503);
  list.pop();
  await until(async () => (await post(edge.httpPort, '/whep/demo')).status === 503);
});

function post(port: number, path: string): Promise<{ readonly status: number; readonly location: string | undefined }> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path, method: 'POST', agent: false, headers: { 'Content-Type': 'application/sdp' } }, (response) => {
      response.resume().on('end', () => resolve({ status: response.statusCode ?? 0, location: response.headers.location }));
    });
    asked.on('error', reject);
    asked.end(offerText('chromium-156-whep'));
  });
}

describe('content steering', () => {
  test('is named where there are other edges, but not to players of signed URLs', async () => {
    const { bus, get, list } = await among([edgeNode('other')]);
    new TestStream(bus).parts(12);
    await until(async () => (await get('/live/demo/master.m3u8')).status === 200);
    const master = (await get('/live/demo/master.m3u8')).text;
    expect(master).toContain('#EXT-X-CONTENT-STEERING:SERVER-URI="/api/v1/steering/demo",PATHWAY-ID="here"\n');
    expect(master).toContain(',STABLE-VARIANT-ID="video",PATHWAY-ID="here"\ntestbroadcast/video/index.m3u8\n');
    // Who came by the address that other nodes know is told whole URLs, of which players make those of other edges.
    const named = (await get('/live/demo/manifest.mpd', { headers: { host: 'here.example:8080' } })).text;
    expect(named).toContain('<BaseURL serviceLocation="here">./</BaseURL><Location serviceLocation="here">http://here.example:8080/live/demo/manifest.mpd?broadcast=testbroadcast&amp;after=102</Location>');
    expect(named).toContain('<ContentSteering defaultServiceLocation="here" queryBeforeStart="false">http://here.example:8080/api/v1/steering/demo</ContentSteering>');
    const other = (await get('/live/demo/manifest.mpd', { headers: { host: 'cdn.example' } })).text;
    expect(other).toContain('<BaseURL serviceLocation="here">./</BaseURL><Location serviceLocation="here">manifest.mpd?broadcast=testbroadcast&amp;after=102</Location>');
    expect(other).toContain('queryBeforeStart="false">/api/v1/steering/demo</ContentSteering>');
    for (const path of ['/live/demo/~token/master.m3u8', '/live/demo/~token/manifest.mpd']) {
      expect((await get(path)).text).not.toMatch(/steering|PATHWAY|serviceLocation/i);
    }
    list.pop();
    await until(async () => !(await get('/live/demo/master.m3u8')).text.includes('STEERING'));
    expect((await get('/live/demo/manifest.mpd')).text).not.toContain('ContentSteering');
  });
});
