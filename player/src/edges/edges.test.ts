import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Edges } from './edges.ts';

const home = 'https://a.test/tv/';
const b = 'https://b.test/tv/';

/** What an edge does with every request. */
type Mood = 'answers' | 'refuses' | 'hangs' | 'leaves';

describe('the edges of a page', () => {
  let moods: Record<string, Mood>;
  let asked: string[];
  let list: unknown;
  let edges: Edges;
  let page: { visibilityState: string; addEventListener: (name: string, act: () => void) => void };
  let seen: () => void;

  beforeEach(() => {
    vi.useFakeTimers();
    [moods, asked] = [{ [home]: 'answers', [b]: 'answers' }, []];
    list = { edges: [{ url: home }, { url: b }], ttl: 10 };
    page = { visibilityState: 'visible', addEventListener: (_name, act) => (seen = act) };
    vi.stubGlobal('document', page);
    vi.stubGlobal('fetch', (url: string, init: RequestInit = {}) => {
      asked.push(url);
      const mood = moods[url.startsWith(b) ? b : home];
      if (mood === 'refuses') {
        return Promise.reject(new TypeError('Failed to fetch'));
      }
      if (mood === 'hangs') {
        return new Promise((_resolve, reject) => init.signal?.addEventListener('abort', () => reject(init.signal?.reason as Error)));
      }
      const body = url.includes('/api/v1/edges') ? JSON.stringify(list) : url;
      return Promise.resolve(new Response(body, { headers: mood === 'leaves' ? { 'Millrace-Move': b } : {} }));
    });
    edges = new Edges({ home, stream: 'cam', region: 'eu' });
  });

  afterEach(() => {
    edges.close();
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });

  const pass = (milliseconds: number) => vi.advanceTimersByTimeAsync(milliseconds);
  const lists = () => asked.filter((url) => url.includes('/api/v1/edges'));
  const read = async (url = '/tv/api/v1/streams/cam', init?: RequestInit): Promise<string> => (await edges.fetch(url, init)).text();

  it('are asked for a second after the picture, then by their time to live', async () => {
    edges.start();
    await pass(999);
    expect(asked).toEqual([]);
    await pass(1);
    expect(asked).toEqual([`${home}api/v1/edges?stream=cam&region=eu`]);
    expect(edges.route.others).toEqual([b]);
    await pass(11_000);
    expect(lists()).toHaveLength(2);
  });

  it('are asked for seldom where there is but one', async () => {
    list = { edges: [{ url: home }], ttl: 10 };
    edges.start();
    await pass(60_000);
    expect(lists()).toHaveLength(1);
  });

  it('are not asked for while nobody looks, and at once when somebody does again', async () => {
    edges.start();
    await pass(1_000);
    page.visibilityState = 'hidden';
    await pass(60_000);
    expect(lists()).toHaveLength(1);
    page.visibilityState = 'visible';
    seen();
    await pass(1);
    expect(lists()).toHaveLength(2);
  });

  it('are kept as they are known while the list cannot be had', async () => {
    edges.start();
    await pass(1_000);
    list = { edges: [] };
    await pass(30_000);
    expect(edges.route.others).toEqual([b]);
  });

  it('are read from one after the other: the first that can be reached', async () => {
    edges.start();
    await pass(1_000);
    moods[home] = 'refuses';
    const answer = read();
    await pass(10);
    expect(await answer).toBe(`${b}api/v1/streams/cam`);
    expect(edges.route.base).toBe(b);
    const before = lists().length;
    await pass(2_000);
    expect(lists()).toHaveLength(before + 1);
  });

  it('are read from the next one when one accepts a request and never answers', async () => {
    edges.start();
    await pass(1_000);
    moods[home] = 'hangs';
    const answer = read();
    await pass(1_200);
    expect(await answer).toBe(`${b}api/v1/streams/cam`);
  });

  it('say that none can be reached', async () => {
    edges.start();
    await pass(1_000);
    moods = { [home]: 'refuses', [b]: 'refuses' };
    const answer = read();
    const failed = expect(answer).rejects.toThrow(TypeError);
    await pass(5_000);
    await failed;
  });

  it('are not left for a single URL that something in the page refuses', async () => {
    edges.start();
    await pass(1_000);
    const fetched = fetch;
    vi.stubGlobal('fetch', (url: string, init: RequestInit) => (url.includes('/streams/') ? Promise.reject(new TypeError('blocked')) : fetched(url, init)));
    const failed = expect(read()).rejects.toThrow('blocked');
    await pass(100);
    await failed;
    expect(edges.route.base).toBe(home);
  });

  it('are not read from any further when it was given up', async () => {
    edges.start();
    await pass(1_000);
    moods[home] = 'hangs';
    const gives = new AbortController();
    const failed = expect(read(undefined, { signal: gives.signal })).rejects.toThrow();
    gives.abort();
    await failed;
    expect(asked.filter((url) => url.startsWith(b))).toEqual([]);
  });

  it('are left within two seconds when they ask for it, each viewer at a moment of its own', async () => {
    moods[home] = 'leaves';
    vi.spyOn(Math, 'random').mockReturnValue(0.5);
    await read();
    await read();
    await pass(999);
    expect(edges.route.base).toBe(home);
    await pass(1);
    expect(edges.route.base).toBe(b);
    expect(edges.route.moves).toMatchObject([{ because: 'draining' }]);
  });

  it('heed the header of an answer to another', async () => {
    edges.heed(home, 'content-type: text/plain\r\nmillrace-move: https://b.test/tv/\r\n');
    await pass(2_000);
    expect(edges.route.base).toBe(b);
  });

  it('let go of everything when they are closed', async () => {
    edges.start();
    edges.heed(home, `millrace-move: ${b}`);
    edges.close();
    await pass(60_000);
    expect(asked).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });
});
