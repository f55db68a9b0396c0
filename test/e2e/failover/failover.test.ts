import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { startBrowser } from '#test/support/browser.ts';
import { startPublisher, type Publisher } from '#test/support/publisher.ts';
import { startServer, type TestServer } from '#test/support/server.ts';
import { until } from '#test/support/until.ts';

import { startEdgeProxy, type EdgeProxy } from './edge-proxy.ts';
import { framesShown, knowsAnother, openNoting, pageNow, watchedSince, type Watched } from './shown-frames.ts';

const key = 'cam_0123456789abcdef';
const engines = ['hls', 'dash', 'webrtc'] as const;
const pages = ['watch', 'embed'] as const;

/** What a viewer may see of it, milliseconds: the picture is back within two seconds. */
const longestFreeze = 2_000;

describe('a viewer whose edge', () => {
  let server: TestServer;
  let publisher: Publisher;
  let browser: Browser;
  let first: EdgeProxy;
  let second: EdgeProxy;
  let page: Page;
  const seen: string[] = [];

  beforeAll(async () => {
    [server, browser] = await Promise.all([startServer({ config: { streamKeys: [key], ladder: 'source' } }), startBrowser()]);
    publisher = startPublisher({ url: server.publishUrl(key) });
    await until('the stream to be on air', async () => (await fetch(`${server.url}/live/cam/master.m3u8`)).ok, { deadline: 30_000 });
  });

  afterAll(async () => {
    process.stdout.write(`\n${seen.join('\n')}\n\n`);
    await browser?.close();
    await publisher?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
  });

  beforeEach(async () => {
    [first, second] = await Promise.all([startEdgeProxy(server.url), startEdgeProxy(server.url)]);
    [first, second].forEach((edge) => (edge.edges = [first.url, second.url]));
    page = await browser.newPage();
  });

  afterEach(async () => {
    await page.close();
    first.close();
    second.close();
  });

  /** Watches at the first edge until the player knows of the second; then something happens; then three more seconds. */
  const watchThrough = async (path: string, happens: () => void): Promise<Watched> => {
    const { reloads } = await openNoting(page, `${first.url}${path}`);
    await until('the picture', async () => (await framesShown(page)) > 60, { deadline: 30_000 });
    await until('the player to know both edges', () => knowsAnother(page));
    const since = await pageNow(page);
    const before = await framesShown(page);
    happens();
    await until('the other edge to be asked', async () => (await watchedSince(page, since, reloads())).edge.url === second.url);
    const moved = await framesShown(page);
    await until('a hundred more frames', async () => (await framesShown(page)) > Math.max(moved, before) + 100, { deadline: 30_000 });
    return watchedSince(page, since, reloads());
  };
  const note = (what: string, { longestFreeze: freeze, leftOut, reloads }: Watched): void => {
    seen.push(`${what}: longest freeze ${freeze} ms, media from frame to frame over it ${leftOut} s, reloads ${reloads}`);
  };

  it.each(engines.flatMap((engine) => pages.map((kind) => [engine, kind] as const)))('is killed goes on at another within 2 s (%s, %s page)', async (engine, kind) => {
    const watched = await watchThrough(`${kind}/cam?engine=${engine}`, () => first.kill());
    note(`${engine}, ${kind}, killed`, watched);
    expect(watched).toMatchObject({ reloads: 0, engine, state: 'playing' });
    expect(watched.edge.moves).toMatchObject([{ edge: second.url, because: 'lost' }]);
    expect(watched.longestFreeze).toBeLessThan(longestFreeze);
  });

  it.each(['hls', 'dash'] as const)('accepts requests and never answers goes on at another within 2 s (%s)', async (engine) => {
    const watched = await watchThrough(`watch/cam?engine=${engine}`, () => first.hang());
    note(`${engine}, hangs`, watched);
    expect(watched).toMatchObject({ reloads: 0, engine, state: 'playing' });
    expect(watched.edge.moves).toMatchObject([{ edge: second.url, because: 'lost' }]);
    expect(watched.longestFreeze).toBeLessThan(longestFreeze);
  });

  it.each(['hls', 'dash'] as const)('is draining goes to the one it names without a glitch (%s)', async (engine) => {
    const watched = await watchThrough(`watch/cam?engine=${engine}`, () => first.drain(second.url));
    note(`${engine}, draining`, watched);
    expect(watched).toMatchObject({ reloads: 0, engine, state: 'playing' });
    expect(watched.edge.moves).toMatchObject([{ edge: second.url, because: 'draining' }]);
    // What a busy machine leaves out now and then.
    expect(watched.longestFreeze).toBeLessThan(400);
    await until('nothing to be asked of the first edge any more', async () => {
      const before = first.asked.length;
      await new Promise((resolve) => setTimeout(resolve, 500));
      return first.asked.length === before;
    });
  });

  it.each(['hls', 'webrtc'] as const)('is the last one is told so, and goes on by itself when one returns (%s)', async (engine) => {
    await watchThrough(`watch/cam?engine=${engine}`, () => first.kill());
    const since = await pageNow(page);
    // Media over UDP come past the proxy.
    if (engine === 'webrtc') {
      server.pause();
    }
    second.kill();
    const state = async (): Promise<string> => (await watchedSince(page, since, 0)).state;
    await until('the viewer to be told', async () => (await state()) === 'reconnecting', { deadline: 30_000 });
    server.resume();
    await first.recover();
    await until('the picture', async () => (await state()) === 'playing', { deadline: 30_000 });
    const before = await framesShown(page);
    await until('a hundred more frames', async () => (await framesShown(page)) > before + 100, { deadline: 30_000 });
    expect((await watchedSince(page, since, 0)).edge.url).toBe(first.url);
  });
});
