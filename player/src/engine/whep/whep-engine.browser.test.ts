import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { millis } from '#core/media/time.ts';
import type { Millis } from '#core/media/time.ts';
import { clockLink, clockOf, FakeWhep } from '../../testing/fake-whep.ts';
import { FakeEventSource } from '../../testing/fake-server.ts';
import type { EngineFailure, EngineListener, EngineRung } from '../engine.ts';
import { WhepEngine } from './whep-engine.ts';

const links = '</whep/session/1/layer>; rel="urn:ietf:params:whep:ext:core:layer", </whep/session/1/sse>; rel="urn:ietf:params:whep:ext:core:server-sent-events"; events="layers,active"';
const layers = (current: string) => ({
  '1': [
    { encodingId: 'video', label: '180p', width: 320, height: 180, bitrate: 900_000, current: current === 'video' },
    { encodingId: 'v90', label: '90p', width: 160, height: 90, bitrate: 200_000, current: current === 'v90' },
  ],
});

describe('the WebRTC engine', () => {
  let server: FakeWhep;
  let video: HTMLVideoElement;
  let engine: WhepEngine;
  let failures: EngineFailure[];
  let shown: number[];
  let rungs: readonly EngineRung[];
  let recoveries: number;
  let ends: number;
  const listener: EngineListener = {
    rungs: (list) => (rungs = list),
    shown: (rung) => shown.push(rung),
    buffered: () => undefined,
    troubled: () => undefined,
    recovered: () => (recoveries += 1),
    event: () => undefined,
    ended: () => (ends += 1),
    failed: (failure) => failures.push(failure),
  };
  const begin = (choice: number | 'auto' = 'auto', patience?: Millis): void => {
    engine = new WhepEngine({ video, url: '/whep/cam', choice, patience, listener });
    engine.start();
    void video.play().catch(() => undefined);
  };
  const moves = () => vi.waitFor(() => expect(performance.now() - (engine.lastFrameAt ?? -Infinity)).toBeLessThan(100));
  const fails = async (): Promise<EngineFailure | undefined> => {
    await vi.waitFor(() => expect(failures).toHaveLength(1));
    return failures[0];
  };
  const tells = (event: string, data: unknown): void => {
    FakeEventSource.all.at(-1)?.dispatchEvent(new MessageEvent(event, { data: JSON.stringify(data) }));
  };

  beforeEach(() => {
    [failures, shown, rungs, recoveries, ends] = [[], [], [], 0, 0];
    FakeEventSource.all = [];
    server = new FakeWhep();
    vi.stubGlobal('fetch', (input: RequestInfo | URL, init?: RequestInit) => server.answer(input, init));
    vi.stubGlobal('EventSource', FakeEventSource);
    video = document.createElement('video');
    video.muted = true;
    document.body.append(video);
  });

  afterEach(async () => {
    engine.destroy();
    video.remove();
    vi.unstubAllGlobals();
    await server.close();
  });

  it('shows the picture, and tells what it measures', async () => {
    begin();
    await moves();
    expect([video.videoWidth, video.videoHeight]).toEqual([320, 180]);
    await vi.waitFor(() => expect(engine.network).toMatchObject({ transport: 'udp', loss: 0, freezes: 0 }));
    await vi.waitFor(() => expect(engine.network?.received).toBeGreaterThan(10_000));
    expect(failures).toEqual([]);
  });

  it('offers Opus in stereo, and to receive only', async () => {
    const offers: string[] = [];
    vi.stubGlobal('fetch', (input: RequestInfo | URL, init?: RequestInit) => {
      offers.push(String(init?.body));
      return server.answer(input, init);
    });
    begin();
    await vi.waitFor(() => expect(offers).toHaveLength(1));
    expect(offers[0]).toMatch(/a=fmtp:111 [^\r\n]*;stereo=1\r\n/);
    expect(offers[0]?.match(/a=recvonly/g)).toHaveLength(2);
    expect(offers[0]).not.toMatch(/a=candidate/);
    await moves();
  });

  it.each([
    ['is blocked', 'blocked'],
    ['gets no answer', 'silent'],
  ] as const)('gives up in time when it %s', async (_what, mood) => {
    server.mood = mood;
    const began = performance.now();
    begin();
    expect((await fails())?.kind).toBe('blocked');
    expect(performance.now() - began).toBeLessThan(2_400);
  });

  it('knows that nothing stands in between where it is connected and no picture comes', async () => {
    server.mood = 'quiet';
    const began = performance.now();
    begin();
    expect(await fails()).toEqual({ kind: 'network', detail: 'connected, but no picture in time' });
    expect(performance.now() - began).toBeLessThan(2_900);
  });

  it('waits longer for an encoder that is just beginning where it is told to', async () => {
    server.mood = 'quiet';
    const began = performance.now();
    begin('auto', millis(8_000));
    await vi.waitFor(() => expect(performance.now() - began).toBeGreaterThan(3_000));
    expect(failures).toEqual([]);
    await server.resume();
    await moves();
  });

  it.each([
    [503, '{"code":"whep/full","message":"m"}', '7', { kind: 'full', retryAfter: millis(7_000) }],
    [429, '{"code":"whep/too-many-viewers"}', null, { kind: 'full' }],
    [406, '{"code":"whep/no-codec"}', null, { kind: 'unfit' }],
    [422, '', null, { kind: 'unfit' }],
    [409, '{"code":"offline"}', '2', { kind: 'offline', retryAfter: millis(2_000) }],
    [404, '{"code":"stream/unknown"}', null, { kind: 'unknown-stream' }],
    [404, 'Not found', null, { kind: 'unfit' }],
    [502, '<html>', null, { kind: 'network' }],
  ])('fails at once when it is refused with %i %s', async (status, body, retryAfter, failure) => {
    server.mood = { status, body, ...(retryAfter === null ? {} : { retryAfter }) };
    const began = performance.now();
    begin();
    expect(await fails()).toMatchObject(failure);
    expect(performance.now() - began).toBeLessThan(1_000);
  });

  it('restarts ICE when the network has changed and nothing comes any more', async () => {
    begin();
    await moves();
    const credentials = (): string | undefined => /a=ice-ufrag:(.*)/.exec(server.offers.at(-1) ?? '')?.[1];
    const before = credentials();
    await server.pause();
    dispatchEvent(new Event('online'));
    await vi.waitFor(() => expect(server.requests).toContain('PATCH /whep/session/1'));
    await vi.waitFor(() => expect(recoveries).toBe(1));
    expect(credentials()).not.toBe(before);
    await moves();
    expect(server.requests.filter((request) => request.startsWith('POST'))).toHaveLength(1);
    expect(failures).toEqual([]);
  });

  it('begins a new session when a restart is refused, and lets the old one go', async () => {
    begin();
    await moves();
    server.restarts = false;
    await server.pause();
    await vi.waitFor(() => expect(server.requests).toContain('DELETE /whep/session/1'));
    await moves();
    expect(server.requests.filter((request) => !request.endsWith('sse'))).toEqual(['POST /whep/cam', 'PATCH /whep/session/1', 'POST /whep/cam', 'DELETE /whep/session/1']);
    expect(failures).toEqual([]);
    expect(document.querySelectorAll('video')).toHaveLength(1);
  });

  it('begins a new session when the server ends it', async () => {
    begin();
    await moves();
    server.cut();
    await vi.waitFor(() => expect(server.sessions.has('2')).toBe(true));
    await moves();
    expect(failures).toEqual([]);
  });

  it('gives up when no new session comes about either', async () => {
    begin();
    await moves();
    server.mood = { status: 503 };
    server.cut();
    expect((await fails())?.kind).toBe('full');
  });

  it('leaves a publisher alone that is silent', async () => {
    server.link = links;
    begin();
    await moves();
    await vi.waitFor(() => expect(FakeEventSource.all).toHaveLength(1));
    tells('inactive', { state: 'interrupted' });
    await server.pause();
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(server.requests).toEqual(['POST /whep/cam']);
    await server.resume();
    await moves();
    tells('inactive', { state: 'ended' });
    expect(ends).toBe(1);
  });

  it('offers the renditions, and asks for the one that is chosen', async () => {
    server.link = links;
    begin();
    await moves();
    await vi.waitFor(() => expect(FakeEventSource.all.map(({ url }) => new URL(url).pathname)).toEqual(['/whep/session/1/sse']));
    tells('layers', layers('video'));
    expect(rungs.map(({ label }) => label)).toEqual(['90p', '180p']);
    expect(shown.at(-1)).toBe(1);
    engine.choice = 0;
    await vi.waitFor(() => expect(server.chosen).toEqual([{ encodingId: 'v90' }]));
    server.resize(160, 90);
    tells('layers', layers('v90'));
    await vi.waitFor(() => expect(shown.at(-1)).toBe(0));
    engine.choice = 'auto';
    await vi.waitFor(() => expect(server.chosen).toEqual([{ encodingId: 'v90' }, {}]));
  });

  it('tells the latency frame by frame where the server tells its clock', async () => {
    server.link = clockLink;
    begin();
    await moves();
    await vi.waitFor(() => expect(FakeEventSource.all).toHaveLength(1));
    tells('clock', await clockOf(video, 123));
    const latency = performance.timeOrigin + performance.now() - Number(engine.shownAt());
    expect(latency).toBeGreaterThan(23);
    expect(latency).toBeLessThan(323);
    // Sound and picture are no longer kept in step by the browser, whose statistics then know no more of it.
    await vi.waitFor(() => expect(engine.network?.received).toBeGreaterThan(0));
    expect(engine.network?.jitterBufferTarget).toBe(0);
  });

  it('ends the session when it ends, and when the page is left', async () => {
    begin();
    await moves();
    dispatchEvent(new PageTransitionEvent('pagehide'));
    await vi.waitFor(() => expect(server.requests).toContain('DELETE /whep/session/1'));
    engine.destroy();
    engine.destroy();
    expect(server.requests.filter((request) => request.startsWith('DELETE'))).toHaveLength(1);
    expect(video.srcObject).toBeNull();
  });
});
