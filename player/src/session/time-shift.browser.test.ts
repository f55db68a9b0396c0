import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Routes } from '../address/address.ts';
import { readStream } from '../api/streams.ts';
import { ServerClock } from '../clock/server-clock.ts';
import { chooseEngine } from '../engine/choose-engine.ts';
import type { EngineKind } from '../engine/engine.ts';
import { canRewind, openRewind } from '../engine/hls/rewind-way.ts';
import { FakeEngine, twoRungs } from '../testing/fake-engine.ts';
import { FakeRewindEngine } from '../testing/fake-rewind-engine.ts';
import { FakeEventSource, FakeServer, stream } from '../testing/fake-server.ts';
import { Session } from './session.ts';

vi.mock('../engine/choose-engine.ts', () => ({ chooseEngine: vi.fn() }));
vi.mock('../engine/hls/rewind-way.ts', () => ({ openRewind: vi.fn(), canRewind: vi.fn() }));

/** What the API says of a stream that has been on air for five minutes and keeps two hours. */
const told = (over: Record<string, unknown> = {}) => readStream({ ...stream('cam', 'live'), rewind: { seconds: 7_200, url: '/live/cam/rewind.m3u8' }, ...over });

describe('a session that goes back', () => {
  let live: FakeEngine[];
  let past: FakeRewindEngine[];
  let server: FakeServer;
  let session: Session;
  let video: HTMLVideoElement;
  let paused: boolean;

  const rewind = () => session.snapshot().rewind;
  const engine = (): EngineKind | null => session.snapshot().engine;
  const ways = (): string[] => session.snapshot().ways.map(({ engine: kind, because }) => `${kind}${because === null ? '' : ` (${because})`}`);
  const lastLive = (): FakeEngine => live.at(-1) ?? expect.fail('no engine was made');
  const lastPast = (): FakeRewindEngine => past.at(-1) ?? expect.fail('nothing went back');
  /** How far behind the engine was sent last, seconds. */
  const sentTo = (): number => (Date.now() - lastPast().at) / 1_000;
  /** The picture begins to move. */
  const plays = (): void => {
    const { listener } = session.snapshot().engine === 'rewind' ? lastPast() : lastLive();
    listener.rungs(twoRungs);
    listener.shown(1);
    paused = false;
    video.dispatchEvent(new Event('playing'));
  };
  const open = (kinds: readonly EngineKind[] = ['hls']): void => {
    vi.mocked(chooseEngine).mockImplementation(() => ({
      ways: kinds.map((kind) => ({
        kind,
        make: ({ listener }) => {
          const made = new FakeEngine(listener);
          Object.assign(made, { kind });
          live.push(made);
          return made;
        },
      })),
    }));
    session = new Session({ video, stream: 'cam', routes: new Routes('/'), clock: new ServerClock('/time'), engineChoice: 'auto', changed: () => undefined });
    session.start();
    plays();
    session.tell(told());
  };

  beforeEach(() => {
    [live, past, paused] = [[], [], true];
    FakeEventSource.all = [];
    server = new FakeServer();
    vi.stubGlobal('fetch', server.fetch);
    vi.stubGlobal('EventSource', FakeEventSource);
    vi.mocked(canRewind).mockReturnValue(true);
    vi.mocked(openRewind).mockImplementation(({ listener }, source) => {
      const made = new FakeRewindEngine(listener, source);
      past.push(made);
      return made;
    });
    video = document.createElement('video');
    Object.defineProperty(video, 'paused', { get: () => paused });
    video.play = async () => void (paused = false);
    video.pause = () => void (paused = true);
  });

  afterEach(() => {
    vi.useRealTimers();
    session.close();
    vi.unstubAllGlobals();
  });

  it('says how far back one can go, and that one is at the edge', () => {
    open();
    expect(rewind()).toMatchObject({ state: 'on', behind: 0, active: false });
    expect(rewind()?.window).toBeCloseTo(300, 0);
  });

  it('says nothing of rewind where there is none, and stays within what is loaded', () => {
    open();
    session.tell(told({ rewind: null, broadcast: 'b2' }));
    session.seekBy(-10);
    session.seekTo(-100);
    expect([rewind(), past.length, engine()]).toEqual([null, 0, 'hls']);
  });

  it.each(['webrtc', 'hls', 'dash', 'native'] as const)('goes back from %s, and returns to it', (kind) => {
    open([kind]);
    session.seekTo(-130);
    expect(engine()).toBe('rewind');
    expect(live[0]?.destroyed).toBe(true);
    expect(lastPast().source.url).toBe('/live/cam/rewind.m3u8');
    expect(sentTo()).toBeCloseTo(130, 0);
    expect(session.snapshot().following).toBe(false);
    plays();
    expect(rewind()).toMatchObject({ active: true });
    expect(rewind()?.behind).toBeCloseTo(130, 0);
    session.goLive();
    expect(engine()).toBe(kind);
    expect(lastPast().destroyed).toBe(true);
    expect(session.snapshot().following).toBe(true);
    expect(rewind()).toMatchObject({ active: false, behind: 0 });
    expect(ways()).toEqual([kind, 'rewind (went back)', `${kind} (live again)`]);
  });

  it('returns to the way in use, and not to a better one that had failed', () => {
    open(['webrtc', 'hls']);
    lastLive().listener.failed({ kind: 'blocked', detail: 'no media' });
    plays();
    session.seekTo(-60);
    plays();
    session.goLive();
    expect(ways()).toEqual(['webrtc', 'hls (blocked: no media)', 'rewind (went back)', 'hls (live again)']);
  });

  it('goes ten seconds back from the edge, again and again, and forward to the edge', () => {
    open(['webrtc']);
    session.seekBy(-10);
    plays();
    session.seekBy(-10);
    expect(past).toHaveLength(1);
    expect(sentTo()).toBeCloseTo(20.7, 0);
    session.seekBy(10);
    expect(sentTo()).toBeCloseTo(10.7, 0);
    session.seekBy(10);
    expect(engine()).toBe('webrtc');
  });

  it('goes no farther back than there is something, and no nearer than what is kept', () => {
    open();
    session.seekTo(-9_000);
    expect(sentTo()).toBeCloseTo(300, 0);
    session.goLive();
    session.tell(told({ rewind: { seconds: 100, url: '/' } }));
    session.seekTo(-9_000);
    // What is about to go is left out.
    expect(sentTo()).toBeCloseTo(94, 0);
    session.goLive();
    session.seekTo(-3);
    expect(sentTo()).toBeCloseTo(6, 0);
    session.seekTo(-1);
    expect(engine()).toBe('hls');
  });

  it('moves within what is loaded without another engine', () => {
    open();
    Object.assign(lastLive(), { livePosition: () => 29.5 });
    Object.defineProperty(video, 'buffered', { get: () => ({ length: 1, start: () => 0, end: () => 30 }) });
    Object.defineProperty(video, 'currentTime', { value: 29, writable: true });
    session.seekBy(-10);
    expect([video.currentTime, engine(), past.length, session.snapshot().following]).toEqual([19, 'hls', 0, false]);
    session.seekBy(-20);
    expect(engine()).toBe('rewind');
  });

  it('goes on where it was paused', () => {
    open(['webrtc']);
    vi.useFakeTimers({ toFake: ['performance', 'Date'] });
    session.pause();
    vi.advanceTimersByTime(40_000);
    expect(rewind()?.behind).toBeCloseTo(40.7, 0);
    session.play();
    expect(engine()).toBe('rewind');
    expect(sentTo()).toBeCloseTo(40.7, 0);
    expect(paused).toBe(false);
  });

  it.each([
    ['after a moment', 1_000, told()],
    ['after less than what is kept reaches to', 4_000, told()],
    ['where there is no rewind', 40_000, told({ rewind: null, broadcast: 'b2' })],
  ])('sees what is on now, %s', (_what, pause, facts) => {
    open(['webrtc']);
    session.tell(facts);
    vi.useFakeTimers({ toFake: ['performance', 'Date'] });
    session.pause();
    vi.advanceTimersByTime(pause);
    session.play();
    expect([engine(), past.length, session.snapshot().following]).toEqual(['webrtc', 0, true]);
  });

  it('goes back while it is paused, and stays paused', () => {
    open();
    session.pause();
    session.seekTo(-60);
    expect([paused, video.autoplay]).toEqual([true, false]);
    expect(rewind()?.behind).toBeCloseTo(60, 0);
    session.play();
    expect([paused, past.length]).toEqual([false, 1]);
  });

  it('goes on live when rewind goes off and all that was kept has been seen', async () => {
    open();
    session.seekTo(-60);
    plays();
    session.tell(told({ rewind: null }));
    expect(rewind()).toMatchObject({ state: 'lost', active: true });
    lastPast().end = lastPast().at + 500;
    video.dispatchEvent(new Event('waiting'));
    await vi.waitFor(() => expect(engine()).toBe('hls'));
    expect(rewind()).toMatchObject({ state: 'lost', active: false });
    session.seekTo(-60);
    expect(engine()).toBe('hls');
  });

  it('waits at the end while the publisher is gone, and is live when they are back', async () => {
    server.state = 'interrupted';
    open();
    session.seekTo(-20);
    plays();
    session.tell(told({ state: 'interrupted' }));
    lastPast().end = lastPast().at + 500;
    video.dispatchEvent(new Event('waiting'));
    await vi.waitFor(() => expect(session.state).toBe('interrupted'));
    expect(engine()).toBe('rewind');
    plays();
    await vi.waitFor(() => expect(engine()).toBe('hls'));
  });

  it('tries what is kept again where it was, and goes on live when it cannot be had', async () => {
    open();
    session.seekTo(-60);
    plays();
    const { at } = lastPast();
    lastPast().listener.failed({ kind: 'network', detail: 'fragLoadError' });
    expect(session.state).toBe('reconnecting');
    await vi.waitFor(() => expect(past).toHaveLength(2));
    expect(lastPast().at).toBe(at);
    lastPast().listener.failed({ kind: 'network', detail: 'fragLoadError' });
    await vi.waitFor(() => expect(past).toHaveLength(3));
    lastPast().listener.failed({ kind: 'network', detail: 'fragLoadError' });
    await vi.waitFor(() => expect(engine()).toBe('hls'));
  });

  it('goes on live at once when its media cannot be played', () => {
    open();
    session.seekTo(-60);
    lastPast().listener.failed({ kind: 'media', detail: 'decoder' });
    expect(engine()).toBe('hls');
  });

  it('goes on in the recording when the broadcast is over, and then waits for the next one', async () => {
    open();
    session.tell(told({ recording: true }));
    session.seekTo(-200);
    plays();
    const { at } = lastPast();
    server.state = 'offline';
    session.tell(readStream(stream('cam', 'offline')));
    // What was loaded goes on being shown.
    expect([past.length, rewind()?.state]).toEqual([1, 'on']);
    lastPast().listener.failed({ kind: 'network', detail: 'levelLoadError' });
    await vi.waitFor(() => expect(past).toHaveLength(2));
    expect([lastPast().source.url, lastPast().at]).toEqual(['/recordings/b1/master.m3u8', at]);
    plays();
    expect(session.state).toBe('playing');
    expect(rewind()).toMatchObject({ state: 'on', active: true });
    expect(rewind()?.window).toBeGreaterThan(299);
    session.seekBy(-10);
    expect(sentTo()).toBeCloseTo(210, 0);
    lastPast().listener.ended();
    await vi.waitFor(() => expect(live).toHaveLength(2));
    lastLive().listener.failed({ kind: 'offline', detail: 'HTTP 404' });
    expect([session.state, rewind()]).toEqual(['offline', null]);
  });

  it('goes on in the recording at once when it hears that nothing is on air', () => {
    open();
    session.tell(told({ recording: true }));
    session.seekTo(-200);
    lastPast().listener.failed({ kind: 'offline', detail: 'HTTP 404' });
    expect(lastPast().source.url).toBe('/recordings/b1/master.m3u8');
    lastPast().listener.failed({ kind: 'offline', detail: 'HTTP 404' });
    expect(session.state).toBe('offline');
  });

  it('shows what comes next when all of the broadcast was seen', async () => {
    open();
    session.seekTo(-60);
    plays();
    server.state = 'offline';
    lastPast().listener.ended();
    await vi.waitFor(() => expect(live).toHaveLength(2));
    lastLive().listener.failed({ kind: 'offline', detail: 'HTTP 404' });
    expect(session.state).toBe('offline');
    session.tell(readStream(stream('cam', 'offline')));
    expect(rewind()).toBeNull();
  });
});
