import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FakeEdges } from '../../testing/fake-edges.ts';
import { FakeEventSource } from '../../testing/fake-server.ts';
import { FakeWhep } from '../../testing/fake-whep.ts';
import type { EngineFailure, EngineListener } from '../engine.ts';
import { WhepEngine } from './whep-engine.ts';

const home = `${location.origin}/`;
const b = 'https://b.test/';
const link = '</whep/session/1/sse>; rel="urn:ietf:params:whep:ext:core:server-sent-events"; events="layers"';

describe('the WebRTC engine among edges', () => {
  let first: FakeWhep;
  let second: FakeWhep;
  let edges: FakeEdges;
  let video: HTMLVideoElement;
  let engine: WhepEngine;
  let failures: EngineFailure[];
  /** Edges that cannot be reached. */
  let gone: Set<string>;
  /** The longest time without a frame, milliseconds. */
  let freeze: number;
  let watch: ReturnType<typeof setInterval>;

  const listener: EngineListener = {
    rungs: () => undefined,
    shown: () => undefined,
    buffered: () => undefined,
    troubled: () => undefined,
    recovered: () => undefined,
    event: () => undefined,
    ended: () => undefined,
    failed: (failure) => failures.push(failure),
  };
  const begin = async (): Promise<void> => {
    engine = new WhepEngine({ video, url: '/whep/cam', choice: 'auto', edges: edges.asEdges, listener });
    engine.start();
    void video.play().catch(() => undefined);
    await moves();
    await vi.waitFor(() => expect(FakeEventSource.all.length).toBeGreaterThan(0));
    freeze = 0;
    watch = setInterval(() => (freeze = Math.max(freeze, performance.now() - (engine.lastFrameAt ?? performance.now()))), 20);
  };
  const moves = () => vi.waitFor(() => expect(performance.now() - (engine.lastFrameAt ?? -Infinity)).toBeLessThan(100));
  const arrives = (at: FakeWhep) => vi.waitFor(() => expect([...at.sessions.values()].map(({ peer }) => peer.connectionState)).toEqual(['connected']));
  const sessions = (of: FakeWhep) => of.requests.filter((request) => request.startsWith('POST'));
  const tells = (event: string, data: unknown): void => {
    FakeEventSource.all.at(-1)?.dispatchEvent(new MessageEvent(event, { data: JSON.stringify(data) }));
  };

  beforeEach(() => {
    [failures, gone, FakeEventSource.all] = [[], new Set(), []];
    [first, second] = [new FakeWhep(), new FakeWhep()];
    first.link = second.link = link;
    edges = new FakeEdges(home, [b]);
    vi.stubGlobal('EventSource', FakeEventSource);
    vi.stubGlobal('fetch', (input: RequestInfo | URL, init?: RequestInit) => {
      const url = new URL(input instanceof Request ? input.url : String(input), home).href;
      const base = url.startsWith(b) ? b : home;
      return gone.has(base) ? Promise.reject(new TypeError('Failed to fetch')) : (base === b ? second : first).answer(input, init);
    });
    video = document.createElement('video');
    video.muted = true;
    document.body.append(video);
  });

  afterEach(async () => {
    clearInterval(watch);
    engine.destroy();
    video.remove();
    vi.unstubAllGlobals();
    await Promise.all([first.close(), second.close()]);
  });

  it('has the picture back within 2 s from the next edge when the one in use falls silent', async () => {
    await begin();
    edges.lives = false;
    first.restarts = false;
    await first.pause();
    await arrives(second);
    await moves();
    clearInterval(watch);
    expect(edges.suspected).toContain(home);
    expect(edges.route.base).toBe(b);
    expect(freeze).toBeLessThan(2_000);
    expect(failures).toEqual([]);
  });

  it('stays with an edge that lives, though nothing comes: its path is mended', async () => {
    await begin();
    await first.pause();
    await vi.waitFor(() => expect(first.requests).toContain('PATCH /whep/session/1'));
    await moves();
    expect(edges.suspected).toEqual([home]);
    expect(sessions(second)).toEqual([]);
  });

  it('leaves an edge whose events break off and which is dead, before the picture stands', async () => {
    await begin();
    edges.lives = false;
    gone.add(home);
    FakeEventSource.all.at(-1)?.dispatchEvent(new Event('error'));
    await arrives(second);
    await vi.waitFor(() => expect(FakeEventSource.all).toHaveLength(2));
    await moves();
    clearInterval(watch);
    expect(freeze).toBeLessThan(500);
    expect(failures).toEqual([]);
  });

  it('goes where a draining edge sends it, first there and then away', async () => {
    await begin();
    tells('move', { url: b });
    expect(edges.left).toEqual([[home, b]]);
    await vi.waitFor(() => expect(first.requests).toContain('DELETE /whep/session/1'));
    expect(sessions(second)).toHaveLength(1);
    await moves();
    clearInterval(watch);
    expect(freeze).toBeLessThan(500);
    expect(document.querySelectorAll('video')).toHaveLength(1);
  });

  it('stays with a draining edge for as long as it goes on, when the other does not take it', async () => {
    second.mood = { status: 503 };
    await begin();
    tells('move', { url: b });
    await vi.waitFor(() => expect(edges.route.base).toBe(home));
    await moves();
    expect([sessions(second).length, sessions(first).length]).toEqual([1, 1]);
    expect(failures).toEqual([]);
  });

  it('begins at the next edge when the first one cannot be reached', async () => {
    edges.lives = false;
    gone.add(home);
    await begin();
    expect(edges.route.base).toBe(b);
    expect(failures).toEqual([]);
  });

  it('fails when no edge is left', async () => {
    await begin();
    edges.lives = false;
    [home, b].forEach((base) => gone.add(base));
    first.cut();
    await vi.waitFor(() => expect(failures).toMatchObject([{ kind: 'network' }]));
  });

  it('knows the edge that took it, where the first one sent it on', async () => {
    const answered = fetch;
    vi.stubGlobal('fetch', async (input: RequestInfo | URL, init?: RequestInit) => {
      const response = await answered(String(input).startsWith(`${home}whep/cam`) ? `${b}whep/cam` : input, init);
      return Object.defineProperty(response, 'url', { value: `${b}whep/cam?via=edge-1` });
    });
    await begin();
    await vi.waitFor(() => expect(edges.route.moves).toMatchObject([{ from: home, to: b, because: 'sent' }]));
    expect(FakeEventSource.all.map(({ url }) => url)).toEqual([`${b}whep/session/1/sse`]);
    expect(sessions(first)).toEqual([]);
    expect(sessions(second)).toHaveLength(1);
  });
});
