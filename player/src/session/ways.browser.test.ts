import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Routes } from '../address/address.ts';
import type { EngineChoice } from '../address/address.ts';
import { ServerClock } from '../clock/server-clock.ts';
import { chooseEngine } from '../engine/choose-engine.ts';
import type { EngineWay } from '../engine/choose-engine.ts';
import { WhepConnection } from '../engine/whep/whep-connection.ts';
import { WhepEngine } from '../engine/whep/whep-engine.ts';
import { FakeEngine, twoRungs } from '../testing/fake-engine.ts';
import { FakeEventSource, FakeServer } from '../testing/fake-server.ts';
import { clockLink, clockOf, FakeWhep } from '../testing/fake-whep.ts';
import { Session } from './session.ts';

vi.mock('../engine/choose-engine.ts', () => ({ chooseEngine: vi.fn() }));

const routes = new Routes('/');

describe('a session with WebRTC and LL-HLS', () => {
  let whep: FakeWhep;
  let server: FakeServer;
  let hls: FakeEngine[];
  let preloaded: number;
  let session: Session;
  let video: HTMLVideoElement;

  const open = (choice: EngineChoice = 'auto', connection?: WhepConnection): void => {
    const webrtc: EngineWay = { kind: 'webrtc', make: (options) => new WhepEngine({ ...options, url: options.whepUrl }) };
    const overHttp: EngineWay = {
      kind: 'hls',
      make: ({ listener }) => {
        const made = new FakeEngine(listener);
        hls.push(made);
        return made;
      },
      preload: () => (preloaded += 1),
    };
    vi.mocked(chooseEngine).mockImplementation(() => ({ ways: choice === 'webrtc' ? [webrtc] : [webrtc, overHttp] }));
    session = new Session({ video, stream: 'cam', routes, clock: new ServerClock('/time'), engineChoice: choice, early: { connection }, changed: () => undefined });
    session.start();
  };
  const ways = (): string[] => session.snapshot().ways.map(({ engine, because }) => `${engine}${because === null ? '' : ` (${because})`}`);
  const plays = (engine: string, timeout = 5_000) => vi.waitFor(() => expect(session.snapshot()).toMatchObject({ state: 'playing', engine }), { timeout });
  /** The server tells that what is shown now was captured a tenth of a second ago. */
  const tellClock = async (): Promise<void> => {
    await vi.waitFor(() => expect(FakeEventSource.all.at(-1)?.url).toMatch(/sse$/));
    FakeEventSource.all.at(-1)?.dispatchEvent(new MessageEvent('clock', { data: JSON.stringify(await clockOf(video, 100)) }));
  };
  /** The fallback begins to move, as far as the session can tell. */
  const hlsPlays = async (timeout = 3_000): Promise<void> => {
    await vi.waitFor(() => expect(hls).toHaveLength(1), { timeout });
    hls[0]?.listener.rungs(twoRungs);
    hls[0]?.listener.shown(1);
    Object.defineProperty(video, 'paused', { get: () => false, configurable: true });
    video.dispatchEvent(new Event('playing'));
  };

  beforeEach(() => {
    [hls, preloaded] = [[], 0];
    FakeEventSource.all = [];
    server = new FakeServer();
    whep = new FakeWhep();
    vi.stubGlobal('fetch', (input: RequestInfo | URL, init?: RequestInit) => whep.answer(input, init) ?? server.fetch(input));
    vi.stubGlobal('EventSource', FakeEventSource);
    video = document.createElement('video');
    video.muted = true;
    document.body.append(video);
  });

  afterEach(async () => {
    session.close();
    video.remove();
    vi.unstubAllGlobals();
    await whep.close();
  });

  it('plays over WebRTC', async () => {
    whep.link = clockLink;
    open();
    await plays('webrtc');
    await tellClock();
    expect(session.snapshot().level).toBe(0);
    await vi.waitFor(() => expect(session.snapshot().latency).toBeGreaterThan(0.02));
    expect(session.snapshot().latency).toBeLessThan(0.5);
    // Code that may never be needed does not disturb the first picture.
    expect(preloaded).toBe(0);
    expect(session.snapshot()).toMatchObject({ targetLatency: null, rate: 1, stalls: 0 });
    expect(ways()).toEqual(['webrtc']);
  });

  it('takes over the session that the page began before', async () => {
    const connection = new WhepConnection(routes.whep('cam'));
    await connection.media(performance.now() + 3_000);
    open('auto', connection);
    await plays('webrtc');
    expect(whep.requests).toEqual(['POST /whep/cam']);
  });

  it.each([
    ['media are blocked', 'blocked', 'blocked', 2_400],
    ['the server does not answer', 'silent', 'blocked', 2_400],
    ['no codec fits', { status: 422 }, 'unfit', 1_000],
    ['the server is full', { status: 503, body: '{"code":"whep/full"}' }, 'full', 1_000],
    ['the server has no WebRTC', { status: 404 }, 'unfit', 1_000],
  ] as const)('falls back to LL-HLS in time when %s', async (_what, mood, reason, within) => {
    whep.mood = mood;
    const began = performance.now();
    open();
    await hlsPlays();
    expect(performance.now() - began).toBeLessThan(within);
    expect(preloaded).toBe(reason === 'blocked' ? 1 : 0);
    await plays('hls');
    expect(ways()[1]).toMatch(new RegExp(`^hls \\(${reason}: `));
    await vi.waitFor(() => expect(session.snapshot().latency).toBeGreaterThan(0.6));
    expect(document.querySelectorAll('video')).toHaveLength(1);
    expect(video.srcObject).toBeNull();
  });

  it('returns to WebRTC when the network has changed, and lets LL-HLS play on until there is a picture', async () => {
    whep.mood = 'blocked';
    open();
    await hlsPlays();
    await plays('hls');
    whep.mood = 'sends';
    whep.link = clockLink;
    dispatchEvent(new Event('online'));
    await vi.waitFor(() => expect(whep.sessions.size).toBeGreaterThan(0));
    expect(hls[0]?.destroyed).toBe(false);
    await plays('webrtc');
    expect(hls[0]?.destroyed).toBe(true);
    await vi.waitFor(() => expect(video.videoWidth).toBe(320));
    expect(ways().at(-1)).toBe('webrtc (it works again)');
    expect(document.querySelectorAll('video')).toHaveLength(1);
    await tellClock();
    await vi.waitFor(() => expect(session.snapshot().latency).toBeLessThan(0.5));
  });

  it('falls back when WebRTC is lost in the middle, and remembers what the viewer chose', async () => {
    open();
    await plays('webrtc');
    session.choose(0);
    whep.mood = { status: 502 };
    whep.cut();
    await vi.waitFor(() => expect(hls).toHaveLength(1));
    expect(session.state).toBe('buffering');
    // What was shown stays in sight meanwhile.
    expect(video.nextElementSibling?.tagName).toBe('CANVAS');
    hls[0]?.listener.rungs([{ label: '90p', width: 160, height: 90, bitrate: 1 }, { label: '180p', width: 320, height: 180, bitrate: 2 }]);
    expect(hls[0]?.choice).toBe(1);
    await vi.waitFor(() => expect(video.nextElementSibling?.tagName).not.toBe('CANVAS'));
  });

  it('waits where the stream is off air, and says so', async () => {
    whep.mood = { status: 409, body: '{"code":"offline","message":"m"}', retryAfter: '2' };
    server.state = 'offline';
    open();
    await vi.waitFor(() => expect(session.state).toBe('offline'));
    expect(hls).toHaveLength(0);
    whep.mood = 'sends';
    server.state = 'live';
    FakeEventSource.all[0]?.send('live');
    await plays('webrtc');
  });

  it.each([
    ['blocked', /firewall/],
    [{ status: 503 }, /no more WebRTC viewers/],
    [{ status: 406 }, /no WebRTC codec/],
  ] as const)('says in plain words that WebRTC alone does not work when it is %j', async (mood, words) => {
    whep.mood = mood;
    open('webrtc');
    await vi.waitFor(() => expect(session.state).toBe('unsupported'));
    expect(session.refusal).toMatch(words);
    expect(session.refusal).toMatch(/without “\?\u2060engine=webrtc”/);
    expect(hls).toHaveLength(0);
  });

  it('notices that the picture stands, and that it moves again', async () => {
    open();
    await plays('webrtc');
    whep.restarts = true;
    server.state = 'interrupted';
    await whep.pause();
    await vi.waitFor(() => expect(session.snapshot().stalls).toBe(1));
    await whep.resume();
    await plays('webrtc');
    expect(session.snapshot().stalledTime).toBeGreaterThan(0.4);
  });

  it('lets everything go when it is closed', async () => {
    open();
    await plays('webrtc');
    session.close();
    session.close();
    await vi.waitFor(() => expect(whep.requests).toContain('DELETE /whep/session/1'));
    expect(video.srcObject).toBeNull();
  });
});
