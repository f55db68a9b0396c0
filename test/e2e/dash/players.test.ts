import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { startClockPublisher, type ClockPublisher } from '#test/bench/support/clock-publisher.ts';
import { beginReadingAtLoad, takeReading } from '#test/bench/support/glass-reader.ts';
import { quantile } from '#test/bench/support/statistics.ts';
import { startBrowser } from '#test/support/browser.ts';
import { startDashPages, type DashPages, type DashPlayer } from '#test/support/dash-page.ts';
import { startPublisher, type PublisherOptions } from '#test/support/publisher.ts';
import { startServer, type TestServer } from '#test/support/server.ts';
import { until } from '#test/support/until.ts';

import { untilPlayed } from '../playing.ts';

const key = 'cam_0123456789abcdef';
const config = { streamKeys: [key], ladder: [{ height: 360, bitrate: '800k' }, { height: 240, bitrate: '350k' }] };
const players: readonly DashPlayer[] = ['dash.js', 'shaka'];

/** Key frames come when they come: every 1.7 s, not at the encoder's interval. */
const irregular: Omit<PublisherOptions, 'url'> = { gop: 60, sceneCuts: true };

/** What low latency has to mean at the least: a whole group of two seconds, and what a player keeps, would be three. */
const LOW = 2000;

describe.each(players)('stock %s', (player) => {
  let browser: Browser;
  let pages: DashPages;

  beforeAll(async () => {
    [browser, pages] = await Promise.all([startBrowser(), startDashPages()]);
  });

  afterAll(async () => {
    await browser.close();
    await pages.close();
  });

  const manifestOf = (server: TestServer): string => `${server.url}/live/cam/manifest.mpd`;
  const onAir = (server: TestServer): Promise<unknown> => until('a manifest', async () => (await fetch(manifestOf(server))).ok, { deadline: 30_000 });

  async function open(server: TestServer): Promise<Page> {
    const page = await browser.newPage();
    await beginReadingAtLoad(page);
    await page.goto(pages.url(player, manifestOf(server)));
    return page;
  }

  /** What the player took for an error that it could not get over. */
  const fatal = (page: Page): Promise<string[]> =>
    page.evaluate((name) => (globalThis as unknown as { errors: string[] }).errors.filter((error) => name === 'dash.js' || !error.startsWith('1 ')), player);

  /** Waits until what is shown is of low latency, from drawn to shown: a player that had to wait while it began closes up by its rate. */
  function untilLowLatency(page: Page): Promise<number> {
    return until(`less than ${LOW} ms from drawn to shown`, async () => {
      const { frames } = await takeReading(page);
      const middle = quantile(frames.map(({ latency }) => latency).sort((x, y) => x - y), 0.5);
      return frames.length >= 45 && middle < LOW ? middle : undefined;
    }, { every: 2500, deadline: 40_000 });
  }

  it.each([['one second', 30], ['two seconds', 60]] as const)('plays groups of %s at low latency', async (_, gop) => {
    await using server = await startServer({ config });
    const publisher: ClockPublisher = startClockPublisher({ url: server.publishUrl(key), gop });
    try {
      await onAir(server);
      const page = await open(server);
      await untilPlayed(page, 4, 30_000);
      expect(await untilLowLatency(page)).toBeGreaterThan(0);
      expect(await fatal(page)).toEqual([]);
      await page.close();
    } finally {
      await publisher.stop();
    }
  });

  it.each([['regular groups', {}], ['irregular groups', irregular]] as const)('plays on when the publisher drops and returns: %s', async (_, source) => {
    await using server = await startServer({ config });
    const url = server.publishUrl(key);
    const publisher = startPublisher({ url, ...source });
    await onAir(server);
    const page = await open(server);
    const before = await untilPlayed(page, 4, 30_000);
    await publisher.kill();
    await until('the server to notice', async () => (await stateOf(server)) === 'interrupted');
    await using _again = startPublisher({ url, ...source });
    await until('the return', async () => (await stateOf(server)) === 'live');
    await until('a second period', async () => (await (await fetch(manifestOf(server))).text()).split('<Period').length > 2);
    const after = await untilPlayed(page, 5, 40_000);
    expect(after.loadedAt).toBe(before.loadedAt);
    expect(after.time).toBeGreaterThan(before.time);
    // Behind the camera as before: presentation time is wall time.
    expect(await page.evaluate(() => (globalThis as unknown as { latency(): number }).latency())).toBeLessThan(LOW / 1000);
    expect(await fatal(page)).toEqual([]);
    await page.close();
  });

  async function stateOf(server: TestServer): Promise<string> {
    return ((await (await fetch(`${server.url}/api/v1/streams/cam`)).json()) as { state: string }).state;
  }
});
