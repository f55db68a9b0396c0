import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { millis } from '#core/media/time.ts';
import { Routes } from '../address/address.ts';
import { ServerClock } from '../clock/server-clock.ts';
import { chooseEngine } from '../engine/choose-engine.ts';
import { FakeEdges } from '../testing/fake-edges.ts';
import { FakeEngine, twoRungs } from '../testing/fake-engine.ts';
import { FakeEventSource, FakeServer } from '../testing/fake-server.ts';
import { Session } from './session.ts';

vi.mock('../engine/choose-engine.ts', () => ({ chooseEngine: vi.fn() }));

describe('a session', () => {
  let engines: FakeEngine[];
  let server: FakeServer;
  let session: Session;
  let video: HTMLVideoElement;

  const engine = (): FakeEngine => {
    const last = engines.at(-1);
    if (last === undefined) {
      throw new Error('No engine was made.');
    }
    return last;
  };
  const open = (): Session => new Session({ video, stream: 'cam', routes: new Routes('/'), clock: new ServerClock('/time'), engineChoice: 'auto', changed: () => undefined });
  const enters = (state: string) => vi.waitFor(() => expect(session.state).toBe(state));
  const makesEngine = (count: number) => vi.waitFor(() => expect(engines.length).toBe(count));
  /** The picture begins to move. */
  const plays = (): void => {
    engine().listener.rungs(twoRungs);
    engine().listener.shown(1);
    video.dispatchEvent(new Event('playing'));
  };

  beforeEach(() => {
    engines = [];
    FakeEventSource.all = [];
    server = new FakeServer();
    vi.stubGlobal('fetch', server.fetch);
    vi.stubGlobal('EventSource', FakeEventSource);
    vi.mocked(chooseEngine).mockImplementation(() => ({
      ways: [
        {
          kind: 'hls',
          make: ({ listener }) => {
            const made = new FakeEngine(listener);
            engines.push(made);
            return made;
          },
        },
      ],
    }));
    video = document.createElement('video');
    session = open();
  });

  afterEach(() => {
    session.close();
    vi.unstubAllGlobals();
  });

  it('plays, and tells of renditions and their changes', () => {
    session.start();
    plays();
    engine().listener.shown(0);
    const { state, levels, level, switches } = session.snapshot();
    expect(state).toBe('playing');
    expect(levels).toBe(twoRungs);
    expect(level).toBe(0);
    expect(switches).toMatchObject([{ from: 1, to: 0 }]);
  });

  it('makes a new engine when one fails, again and again, on the same element', async () => {
    session.start();
    plays();
    engine().listener.failed({ kind: 'network', detail: 'gone' });
    expect(session.state).toBe('reconnecting');
    expect(engine().destroyed).toBe(true);
    await makesEngine(2);
    engine().listener.failed({ kind: 'media', detail: 'decoder' });
    await makesEngine(3);
    plays();
    expect(session.state).toBe('playing');
  });

  it('does not hear an engine that it has given up', async () => {
    session.start();
    const first = engine();
    first.listener.failed({ kind: 'network', detail: 'gone' });
    await makesEngine(2);
    first.listener.failed({ kind: 'offline', detail: 'HTTP 404' });
    first.listener.rungs(twoRungs);
    expect(session.state).not.toBe('offline');
    expect(session.snapshot().levels).toEqual([]);
  });

  it('waits while nothing is on air, and starts by itself', async () => {
    server.state = 'offline';
    session.start();
    engine().listener.failed({ kind: 'offline', detail: 'HTTP 404' });
    expect(session.state).toBe('offline');
    expect(FakeEventSource.all.map(({ url }) => url)).toEqual(['/api/v1/streams/cam/events']);
    FakeEventSource.all[0]?.send('offline');
    expect(engines.length).toBe(1);
    server.state = 'live';
    FakeEventSource.all[0]?.send('live');
    await makesEngine(2);
    // While it plays, no connection is held beside the media.
    expect(FakeEventSource.all.every(({ readyState }) => readyState === FakeEventSource.CLOSED)).toBe(true);
  });

  it('starts by itself where events do not come through', async () => {
    server.state = 'offline';
    session.start();
    engine().listener.failed({ kind: 'offline', detail: 'HTTP 404' });
    server.state = 'live';
    await makesEngine(2);
  });

  it('says when the stream is unknown', async () => {
    server.state = 'unknown';
    session.start();
    engine().listener.failed({ kind: 'unknown-stream', detail: 'HTTP 404' });
    await enters('unknown');
  });

  it('says that the broadcaster lost connection', async () => {
    server.state = 'interrupted';
    session.start();
    plays();
    engine().listener.failed({ kind: 'network', detail: 'no parts' });
    await enters('interrupted');
  });

  it('goes off air when the server says so', async () => {
    server.state = 'offline';
    session.start();
    engine().listener.failed({ kind: 'network', detail: 'HTTP 502' });
    await enters('offline');
  });

  it('begins anew when a broadcast has ended, for the next one', async () => {
    session.start();
    plays();
    engine().listener.ended();
    await makesEngine(2);
    plays();
    expect(session.state).toBe('playing');
  });

  it('hands the viewer\'s choice to every engine', async () => {
    session.start();
    plays();
    session.choose(0);
    expect(engine().choice).toBe(0);
    engine().listener.rungs(twoRungs.slice(0, 1));
    expect(session.snapshot().choice).toBe(0);
    session.choose(1);
    engine().listener.rungs(twoRungs.slice(0, 1));
    expect(session.snapshot().choice).toBe('auto');
  });

  it('says why it cannot play', () => {
    vi.mocked(chooseEngine).mockImplementation(() => ({ refusal: 'No.' }));
    session.close();
    session = open();
    session.start();
    expect([session.state, session.refusal]).toEqual(['unsupported', 'No.']);
  });

  it('waits as long as the server asks', async () => {
    session.start();
    const began = performance.now();
    engine().listener.failed({ kind: 'network', detail: 'HTTP 503', retryAfter: millis(1_000) });
    await makesEngine(2);
    expect(performance.now() - began).toBeGreaterThan(990);
  });

  it('ends its engine when it is closed', () => {
    session.start();
    session.close();
    session.close();
    expect(engine().destroyed).toBe(true);
  });

  it.each([
    ['loads what may be needed without the server that it came from', ['https://b.test/'], 1],
    ['loads nothing more where there is but one server', [], 0],
  ] as const)('%s', async (_what, others, times) => {
    session.close();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const preload = vi.fn();
    vi.mocked(chooseEngine).mockImplementation(() => ({ ways: [{ kind: 'hls', preload, make: ({ listener }) => (engines.push(new FakeEngine(listener)), engine()) }] }));
    const edges = new FakeEdges(`${location.origin}/`, others).asEdges;
    session = new Session({ video, stream: 'cam', routes: new Routes('/'), edges, clock: new ServerClock('/time'), engineChoice: 'auto', changed: () => undefined });
    session.start();
    plays();
    await vi.advanceTimersByTimeAsync(9_999);
    expect(preload).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(preload).toHaveBeenCalledTimes(times);
    vi.useRealTimers();
  });
});
