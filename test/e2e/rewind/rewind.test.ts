import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { shownColour, startBrowser } from '#test/support/browser.ts';
import { startPublisher, type Publisher } from '#test/support/publisher.ts';
import { startServer, type TestServer } from '#test/support/server.ts';
import { until } from '#test/support/until.ts';

import { playhead, untilPlayed } from '../playing.ts';
import { statsOf, streamOf, untilKept, untilStats, wake, type Stats } from './visiting.ts';

const key = 'cam_0123456789abcdef';
const config = {
  streamKeys: [key],
  ladder: [
    { height: 360, bitrate: '800k' },
    { height: 240, bitrate: '350k' },
  ],
};

describe('a viewer goes back in a broadcast', () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await startBrowser();
  });

  afterAll(() => browser.close());

  const onAir = (server: TestServer): Promise<unknown> =>
    until('the stream to be on air', async () => (await fetch(`${server.url}/live/cam/master.m3u8`)).ok);
  const open = async (server: TestServer, engine: string): Promise<Page> => {
    const page = await browser.newPage();
    await page.goto(`${server.url}/watch/cam?engine=${engine}`);
    await untilPlayed(page, 2);
    return page;
  };
  const colourIs = (page: Page, colour: 'red' | 'blue'): Promise<unknown> => until(`${colour} to be shown`, async () => ((await shownColour(page))?.[colour] ?? 0) > 200);

  describe('of 40 s and more', () => {
    let server: TestServer;
    let publisher: Publisher;

    beforeAll(async () => {
      server = await startServer({ config });
      publisher = startPublisher({ url: server.publishUrl(key) });
      await onAir(server);
    });

    afterAll(async () => {
      await publisher[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    });

    it.each([
      { engine: 'auto', way: 'webrtc', latency: 0.5 },
      { engine: 'hls', way: 'hls', latency: 1.5 },
      { engine: 'dash', way: 'dash', latency: 2.5 },
    ])('by 30 s, from $way, and comes back to live with its low latency', async ({ engine, way, latency }) => {
      const page = await open(server, engine);
      await untilStats(page, 'low latency', (stats) => stats.engine === way && stats.latency !== null && stats.latency < latency);
      await untilKept(page, 40);
      for (let presses = 0; presses < 3; presses += 1) {
        await page.keyboard.press('j');
      }
      // Until its first picture is there, the figure is that of the picture before.
      const back = await untilStats(page, 'what was 30 s ago', ({ state, latency: behind, engine: now }) => state === 'playing' && now === 'rewind' && behind !== null && behind > 10);
      expect(back.latency).toBeGreaterThan(28);
      expect(back.latency).toBeLessThan(35);
      expect(back.following).toBe(false);
      const { loadedAt } = await untilPlayed(page, 3);
      const later = await untilStats(page, 'it to go on there', (stats) => stats.latency !== null);
      expect(Math.abs((later.latency ?? 0) - (back.latency ?? 0))).toBeLessThan(2);
      await wake(page);
      await page.getByRole('button', { name: /^Go live/ }).click();
      const live = await untilStats(page, 'low latency again', (stats) => stats.engine === way && stats.state === 'playing' && stats.latency !== null && stats.latency < latency);
      expect(live.following).toBe(true);
      expect(live.rewind).toMatchObject({ state: 'on', active: false, behind: 0 });
      expect(live.ways.map((change) => change.engine).slice(-3)).toEqual([way, 'rewind', way]);
      expect((await untilPlayed(page, 2)).loadedAt).toBe(loadedAt);
      expect(await page.locator('video').count()).toBe(1);
      await page.close();
    });
  });

  it('across a publisher drop and the return, to live', async () => {
    const isLowLatency = ({ engine, latency }: Stats): boolean => engine === 'webrtc' && latency !== null && latency < 0.5;
    await using server = await startServer({ config: { ...config, ladder: 'source' } });
    const red = startPublisher({ url: server.publishUrl(key), colour: 'red' });
    await onAir(server);
    const page = await open(server, 'auto');
    await untilKept(page, 18);
    await red.kill();
    await until('the server to notice', async () => (await streamOf(server, 'cam')).state === 'interrupted');
    const { broadcast } = await streamOf(server, 'cam');
    await using _blue = startPublisher({ url: server.publishUrl(key), colour: 'blue' });
    await until('the return', async () => (await streamOf(server, 'cam')).state === 'live');
    const returned = Date.now();
    expect((await streamOf(server, 'cam')).broadcast).toBe(broadcast);
    await colourIs(page, 'blue');
    await untilStats(page, 'enough after the return', () => Date.now() - returned > 9_000);
    // It comes back the way that it went: a busy machine may have led it elsewhere.
    await untilStats(page, 'low latency', isLowLatency);
    const since = (Date.now() - returned) / 1_000;
    // Some seconds before the drop: from there it plays into what came after the return.
    await wake(page);
    const slider = page.getByRole('slider', { name: 'Rewind' });
    await slider.focus();
    expect(await slider.evaluate((element) => element.matches(':focus'))).toBe(true);
    const presses = Math.ceil((since + 8) / 10);
    for (let i = 0; i < presses; i += 1) {
      await page.keyboard.press('ArrowLeft');
    }
    await untilStats(page, 'what is kept', ({ engine, state }) => engine === 'rewind' && state === 'playing');
    await colourIs(page, 'red');
    await colourIs(page, 'blue');
    const before = await playhead(page);
    await untilPlayed(page, 2);
    expect((await playhead(page))?.loadedAt).toBe(before?.loadedAt);
    await page.keyboard.press('End');
    await untilStats(page, 'low latency again', isLowLatency);
    await page.close();
  });

  it('and goes on where it was paused', async () => {
    await using server = await startServer({ config: { ...config, ladder: 'source' } });
    await using _publisher = startPublisher({ url: server.publishUrl(key) });
    await onAir(server);
    const page = await open(server, 'auto');
    await untilKept(page, 5);
    await page.keyboard.press('k');
    await untilStats(page, 'a pause of 12 s', ({ rewind }) => (rewind?.behind ?? 0) > 12);
    await page.keyboard.press('k');
    const on = await untilStats(page, 'it to go on', ({ engine, state, latency }) => engine === 'rewind' && state === 'playing' && latency !== null);
    expect(on.latency).toBeGreaterThan(11.5);
    expect(on.latency).toBeLessThan(16);
    await untilPlayed(page, 2);
    await page.close();
  });

  it('not where rewind is off, and a pause is no rewind there', async () => {
    await using server = await startServer({ config: { ...config, ladder: 'source', rewindWindow: 0, recording: false } });
    await using _publisher = startPublisher({ url: server.publishUrl(key) });
    await onAir(server);
    const page = await open(server, 'hls');
    await page.getByText('1 viewer', { exact: true }).waitFor({ timeout: 20_000 });
    expect(await page.getByRole('slider', { name: 'Rewind' }).count()).toBe(0);
    expect((await statsOf(page))?.rewind).toBeNull();
    await page.keyboard.press('k');
    await page.waitForTimeout(5_000);
    await page.keyboard.press('k');
    await untilStats(page, 'what is on now', ({ engine, state, latency }) => engine === 'hls' && state === 'playing' && latency !== null && latency < 1.5);
    await page.close();
  });
});
