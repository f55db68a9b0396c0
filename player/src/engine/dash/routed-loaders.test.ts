import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { MediaPlayerClass } from 'dashjs';
import { FakeEdges } from '../../testing/fake-edges.ts';
import { routeLoaders } from './routed-loaders.ts';

const home = 'https://a.test/';
const b = 'https://b.test/';

type Progress = { data?: ArrayBuffer; loaded?: number };
type Custom = { onloadend?: () => void; onprogress?: (progress: Progress) => void; onabort?: () => void; abort?: () => void; abortController?: AbortController };
type Request = { url: string; customData: Custom };
type Answer = { url?: string; status?: number; data?: unknown; headers?: Record<string, string> };
type Attempt = { request: Request; answer: Answer; aborted: boolean };

describe('dash.js’s requests, by the route', () => {
  let edges: FakeEdges;
  let attempts: Attempt[];
  let load: (request: Request, answer: Answer) => void;
  let answer: Answer;
  let request: Request;
  let ended: number;
  let told: number[][];

  const attempt = (index: number): Attempt => attempts.at(index) as Attempt;
  /** The loader of dash.js answers. */
  const answers = (index: number, with_: Answer): void => {
    Object.assign(attempt(index).answer, with_);
    attempt(index).request.customData.onloadend?.();
  };
  const brings = (index: number, ...bytes: number[]): void => attempt(index).request.customData.onprogress?.({ data: Uint8Array.from(bytes).buffer });

  beforeEach(() => {
    vi.stubGlobal('navigator', { onLine: true });
    edges = new FakeEdges(home, [b]);
    attempts = [];
    let extension: ((this: { parent: object }) => { load: typeof load }) | undefined;
    const player = { extend: (name: string, made: typeof extension) => name === 'FetchLoader' && (extension = made) };
    routeLoaders(player as unknown as MediaPlayerClass, edges.asEdges);
    const parent = {
      load: (made: Request, given: Answer) => {
        const one: Attempt = { request: made, answer: given, aborted: false };
        made.customData.abortController = new AbortController();
        made.customData.abortController.signal.addEventListener('abort', () => {
          one.aborted = true;
          made.customData.onabort?.();
        });
        made.customData.abort = () => made.customData.abortController?.abort();
        attempts.push(one);
      },
    };
    const made = extension?.call({ parent });
    load = (one, other) => made?.load(one, other);
    [ended, told, answer] = [0, [], {}];
    request = {
      url: `${home}live/cam/b1/v/7.m4s`,
      customData: { onloadend: () => (ended += 1), onprogress: ({ data }) => data !== undefined && told.push([...new Uint8Array(data)]), onabort: vi.fn() },
    };
    load(request, answer);
  });

  it('go to the edge in use, and their answers seem to come from home', () => {
    edges.route.moveTo(b, 'draining');
    load(request, answer);
    expect(attempt(1).request.url).toBe(`${b}live/cam/b1/v/7.m4s`);
    answers(1, { status: 200, url: `${b}live/cam/b1/v/7.m4s`, data: new ArrayBuffer(4) });
    expect(answer).toMatchObject({ status: 200, url: `${home}live/cam/b1/v/7.m4s` });
    expect(ended).toBe(1);
  });

  it.each([
    ['cannot be reached', { status: 0 }],
    ['says 502', { status: 502, data: new ArrayBuffer(1) }],
    ['breaks off', { status: 200, data: null }],
  ])('go to the next edge when one %s', (_how, with_) => {
    answers(0, with_);
    expect(ended).toBe(0);
    expect(attempt(1).request.url).toBe(`${b}live/cam/b1/v/7.m4s`);
    answers(1, { status: 200, url: attempt(1).request.url, data: new ArrayBuffer(4) });
    expect([ended, answer.status]).toEqual([1, 200]);
  });

  it('fail when no edge is left', () => {
    answers(0, { status: 0 });
    answers(1, { status: 0 });
    expect([attempts.length, ended, answer.status]).toEqual([2, 1, 0]);
  });

  it('go to the next edge when one dies, and what the dead one still says is not heard', () => {
    edges.die();
    expect(attempt(0).aborted).toBe(true);
    answers(0, { status: 200, data: new ArrayBuffer(1) });
    brings(0, 1, 2);
    expect([ended, told]).toEqual([0, []]);
    expect(attempt(1).request.url).toBe(`${b}live/cam/b1/v/7.m4s`);
  });

  it('bring each byte once, though the second edge begins anew', () => {
    brings(0, 1, 2, 3);
    brings(0, 4);
    edges.die();
    brings(1, 1, 2);
    brings(1, 3, 4, 5);
    brings(1, 6);
    expect(told).toEqual([[1, 2, 3], [4], [5], [6]]);
  });

  it('are not asked again when dash.js gives them up', () => {
    request.customData.abort?.();
    expect(request.customData.onabort).toHaveBeenCalledTimes(1);
    expect(attempts).toHaveLength(1);
    expect(edges.underWay).toEqual([]);
    edges.die();
    expect(attempts).toHaveLength(1);
  });

  it('tell what there is not, at an edge that has been asked for long', () => {
    answers(0, { status: 404, data: new ArrayBuffer(1) });
    expect([ended, answer.status]).toEqual([1, 404]);
  });

  it('are made again for a while after a move, to an edge that has to fetch the stream first', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    edges.die();
    answers(1, { status: 404, data: new ArrayBuffer(1) });
    await vi.advanceTimersByTimeAsync(150);
    vi.useRealTimers();
    expect(attempts).toHaveLength(3);
    answers(2, { status: 200, url: attempt(2).request.url, data: new ArrayBuffer(1) });
    expect([ended, answer.status]).toEqual([1, 200]);
  });

  it('hear an edge that wants to be left', () => {
    answers(0, { status: 200, url: request.url, data: '<MPD/>', headers: { 'millrace-move': b } });
    expect(edges.left).toEqual([[home, b]]);
    expect(ended).toBe(1);
  });
});
