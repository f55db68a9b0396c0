import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { startBrowser } from '#test/support/browser.ts';
import { startPublisher } from '#test/support/publisher.ts';
import { startServer } from '#test/support/server.ts';
import { until } from '#test/support/until.ts';

import { playhead, untilPlayed } from './playing.ts';

const key = 'cam_0123456789abcdef';

type Stats = { readonly engine: string | null; readonly latency: number | null; readonly state: string; readonly stalls: number; readonly level: number; readonly levels: readonly { readonly height: number }[] };

const stats = (page: Page): Promise<Stats | undefined> => page.evaluate(() => (globalThis as unknown as { millrace?: { stats: Stats } }).millrace?.stats);

describe('our player over LL-DASH', () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await startBrowser();
  });

  afterAll(() => browser.close());

  it('plays within a second and a half of the camera, and on when the publisher drops and returns', async () => {
    await using server = await startServer({ config: { streamKeys: [key], ladder: 'source' } });
    let publisher = startPublisher({ url: server.publishUrl(key) });
    try {
      const page = await browser.newPage();
      await page.goto(`${server.url}/watch/cam?engine=dash`);
      const { loadedAt } = await untilPlayed(page, 5, 40_000);
      const before = await stats(page);
      expect(before?.engine).toBe('dash');
      expect(before?.latency).toBeLessThan(1.5);
      await publisher.kill();
      await until('the interruption to be told', async () => (await stats(page))?.state === 'interrupted');
      publisher = startPublisher({ url: server.publishUrl(key) });
      expect((await untilPlayed(page, 3, 30_000)).loadedAt).toBe(loadedAt);
      await until('the live edge', async () => ((await stats(page))?.latency ?? Infinity) < 2.5);
      expect((await stats(page))?.engine).toBe('dash');
      await page.close();
    } finally {
      await publisher.kill();
    }
  });

  it('shows the rung that the viewer chooses', async () => {
    await using server = await startServer({ config: { streamKeys: [key], ladder: [{ height: 360, bitrate: '800k' }, { height: 240, bitrate: '350k' }] } });
    await using _publisher = startPublisher({ url: server.publishUrl(key), size: '640x360' });
    const page = await browser.newPage();
    await page.goto(`${server.url}/watch/cam?engine=dash`);
    await untilPlayed(page, 2, 40_000);
    await until('both rungs', async () => (await stats(page))?.levels.length === 2);
    for (const height of [240, 360]) {
      await page.evaluate((wanted) => {
        const { millrace } = globalThis as unknown as { millrace: { stats: Stats; setLevel(level: number): void } };
        millrace.setLevel(millrace.stats.levels.findIndex((level) => level.height === wanted));
      }, height);
      await until(`${height}p`, async () => (await playhead(page))?.height === height);
      await until(`${height}p to be told`, async () => {
        const told = await stats(page);
        return told?.levels[told.level]?.height === height;
      });
    }
    await page.close();
  });

  it('says that the stream is off air, and starts by itself when the broadcast does', async () => {
    await using server = await startServer({ config: { streamKeys: [key], ladder: 'source' } });
    const page = await browser.newPage();
    await page.goto(`${server.url}/watch/cam?engine=dash`);
    await page.getByText(/off air|offline|not live/i).first().waitFor();
    await using _publisher = startPublisher({ url: server.publishUrl(key) });
    await untilPlayed(page, 2, 40_000);
    expect((await stats(page))?.engine).toBe('dash');
    await page.close();
  });
});
