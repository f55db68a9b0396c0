import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import Hls from 'hls.js';
import type { Loader, LoaderCallbacks, LoaderContext } from 'hls.js';
import { FakeEdges } from '../../testing/fake-edges.ts';
import { routedLoader } from './routed-loader.ts';

const home = 'https://a.test/';
const b = 'https://b.test/';
const path = 'live/cam/b1/v/index.m3u8?_HLS_msn=7';

/** An XMLHttpRequest that answers when it is told to. */
class FakeRequest {
  static all: FakeRequest[] = [];
  url = '';
  readyState = 0;
  status = 0;
  statusText = '';
  responseType = '';
  responseText = '';
  response = '';
  responseURL = '';
  aborted = false;
  headers = '';
  onreadystatechange: (() => void) | null = null;
  onprogress: ((event: unknown) => void) | null = null;

  constructor() {
    FakeRequest.all.push(this);
  }

  open(_method: string, url: string): void {
    [this.readyState, this.url] = [1, url];
  }

  send(): void {
    // Nothing happens until it is told to.
  }

  abort(): void {
    this.aborted = true;
  }

  getAllResponseHeaders(): string {
    return this.headers;
  }

  answers(status: number, text = '', from = this.url): void {
    Object.assign(this, { status, responseText: text, response: text, responseURL: from, readyState: 4 });
    this.onreadystatechange?.();
  }
}

describe('hls.js’s requests, by the route', () => {
  let edges: FakeEdges;
  let loader: Loader<LoaderContext>;
  let callbacks: { [name in keyof LoaderCallbacks<LoaderContext>]-?: ReturnType<typeof vi.fn> };
  const request = (index: number): FakeRequest => FakeRequest.all.at(index) as FakeRequest;
  const context = { url: `${home}${path}`, responseType: 'text', type: 'level' } as LoaderContext;
  const config = { loadPolicy: { maxTimeToFirstByteMs: 9_000, maxLoadTimeMs: 15_000, timeoutRetry: null, errorRetry: null }, maxRetry: 0, timeout: 0, retryDelay: 0, maxRetryDelay: 0 };
  const load = (): void => loader.load(context, { ...config }, callbacks as unknown as LoaderCallbacks<LoaderContext>);

  beforeEach(() => {
    FakeRequest.all = [];
    vi.stubGlobal('XMLHttpRequest', FakeRequest);
    edges = new FakeEdges(home, [b]);
    loader = new (routedLoader(edges.asEdges))(Hls.DefaultConfig);
    callbacks = { onSuccess: vi.fn(), onError: vi.fn(), onTimeout: vi.fn(), onAbort: vi.fn(), onProgress: vi.fn() };
  });

  afterEach(() => {
    loader.destroy();
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });

  it('are hls.js’s own where there are no edges', () => {
    expect(routedLoader(undefined)).toBe(Hls.DefaultConfig.loader);
  });

  it('go to the edge in use, and their answers seem to come from home', () => {
    edges.route.moveTo(b, 'draining');
    load();
    expect(request(0).url).toBe(`${b}${path}`);
    request(0).answers(200, '#EXTM3U');
    expect(callbacks.onSuccess.mock.calls[0]?.[0]).toMatchObject({ url: `${home}${path}`, data: '#EXTM3U' });
    expect(callbacks.onSuccess.mock.calls[0]?.[2]).toBe(context);
  });

  it('go on where an edge has sent them', () => {
    load();
    request(0).answers(200, '#EXTM3U', 'https://archive.test/live/cam/rewind.m3u8');
    expect(callbacks.onSuccess.mock.calls[0]?.[0]).toMatchObject({ url: 'https://archive.test/live/cam/rewind.m3u8' });
  });

  it.each([0, 500, 503])('go to the next edge after status %i, and hls.js hears nothing of it', (status) => {
    load();
    request(0).answers(status);
    expect(request(1).url).toBe(`${b}${path}`);
    request(1).answers(200, '#EXTM3U');
    expect(callbacks.onSuccess).toHaveBeenCalledTimes(1);
    expect(callbacks.onError).not.toHaveBeenCalled();
    expect(edges.route.base).toBe(b);
  });

  it('fail when no edge is left', () => {
    load();
    request(0).answers(503);
    request(1).answers(502);
    expect(FakeRequest.all).toHaveLength(2);
    expect(callbacks.onError.mock.calls[0]?.[0]).toMatchObject({ code: 502 });
  });

  it.each([400, 404, 410])('tell what the first edge says with status %i: it is about the stream', (status) => {
    load();
    request(0).answers(status);
    expect(FakeRequest.all).toHaveLength(1);
    expect(callbacks.onError.mock.calls[0]?.[0]).toMatchObject({ code: status });
  });

  it('are made again for a while after a move, to an edge that has to fetch the stream first', async () => {
    vi.useFakeTimers();
    load();
    request(0).answers(0);
    request(1).answers(404);
    expect(callbacks.onError).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(150);
    request(2).answers(200, '#EXTM3U');
    expect(callbacks.onSuccess).toHaveBeenCalledTimes(1);
  });

  it('go to the next edge when one dies while it is asked, in the same statistics', () => {
    load();
    const { stats } = loader;
    edges.die();
    expect(request(0).aborted).toBe(true);
    expect(request(1).url).toBe(`${b}${path}`);
    request(0).answers(200, 'too late');
    request(1).answers(200, '#EXTM3U');
    expect(callbacks.onSuccess).toHaveBeenCalledTimes(1);
    expect(callbacks.onSuccess.mock.calls[0]?.[1]).toBe(stats);
    expect(stats).toMatchObject({ aborted: false, loaded: 7 });
    expect(callbacks.onAbort).not.toHaveBeenCalled();
  });

  it('bring no more of the past than before, though the next edge has more of it', () => {
    const Same = routedLoader(edges.asEdges);
    loader = new Same(Hls.DefaultConfig);
    load();
    request(-1).answers(200, '#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:5\n#EXTINF:1,\n5.m4s\n');
    loader = new Same(Hls.DefaultConfig);
    load();
    request(-1).answers(200, '#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:4\n#EXTINF:1,\n4.m4s\n#EXTINF:1,\n5.m4s\n#EXTINF:1,\n6.m4s\n');
    expect(callbacks.onSuccess.mock.lastCall?.[0]).toMatchObject({ data: '#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:5\n#EXTINF:1,\n5.m4s\n#EXTINF:1,\n6.m4s\n' });
  });

  it('are not made again when hls.js gives them up', () => {
    load();
    loader.abort();
    expect(callbacks.onAbort).toHaveBeenCalledTimes(1);
    edges.die();
    expect(FakeRequest.all).toHaveLength(1);
    expect(edges.underWay).toEqual([]);
  });

  it('hear an edge that wants to be left', () => {
    load();
    request(0).headers = `content-type: x\r\nmillrace-move: ${b}\r\n`;
    request(0).answers(200, '#EXTM3U');
    expect(edges.left).toEqual([[home, b]]);
    expect(callbacks.onSuccess).toHaveBeenCalledTimes(1);
  });
});
