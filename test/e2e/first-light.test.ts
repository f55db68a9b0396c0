import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { shownColour, startBrowser } from '#test/support/browser.ts';
import { startPublisher } from '#test/support/publisher.ts';
import { startServer } from '#test/support/server.ts';
import { startThrottle } from '#test/support/throttle.ts';
import { until } from '#test/support/until.ts';

import { playhead, untilPlayed } from './playing.ts';

const key = 'cam_0123456789abcdef';

describe('first light', () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await startBrowser();
  });

  afterAll(() => browser.close());

  it('shows in Chromium the picture that ffmpeg publishes over RTMP', async () => {
    await using server = await startServer({ config: { streamKeys: [key], ladder: 'source' } });
    await using publisher = startPublisher({ url: server.publishUrl(key), colour: 'red' });
    const page = await browser.newPage();
    await page.goto(`${server.url}/watch/cam?engine=hls`);
    await untilPlayed(page, 2, 30_000);
    const red = await until('a picture', () => shownColour(page));
    expect(red.red).toBeGreaterThan(200);
    expect(red.green + red.blue).toBeLessThan(60);
    // The picture follows the publisher, so it was no leftover: another colour comes with another publisher.
    await publisher.stop();
    await using _blue = startPublisher({ url: server.publishUrl(key), colour: 'blue' });
    await until('the new picture', async () => ((await shownColour(page))?.blue ?? 0) > 200, { deadline: 30_000 });
    await page.close();
  });

  it.each([
    { name: "x264's defaults: scene cuts and a key frame every eight seconds", gop: 250, sceneCuts: true, bFrames: 3, frameRate: '30' },
    { name: 'B-frames and regular key frames, as NVENC sends', gop: 60, sceneCuts: false, bFrames: 2, frameRate: '30' },
    { name: '60 frames a second', gop: 120, sceneCuts: false, bFrames: 0, frameRate: '60' },
    { name: '29.97 frames a second', gop: 60, sceneCuts: false, bFrames: 0, frameRate: '30000/1001' },
  ])('plays $name', async ({ name: _, ...source }) => {
    await using server = await startServer({ config: { streamKeys: [key], ladder: [{ height: 360, bitrate: '800k' }, { height: 240, bitrate: '350k' }] } });
    await using _publisher = startPublisher({ url: server.publishUrl(key), ...source });
    const page = await browser.newPage();
    await page.goto(`${server.url}/watch/cam?engine=hls`);
    await untilPlayed(page, 8, 40_000);
    await page.close();
  });

  it('plays sound alone and picture alone', async () => {
    await using server = await startServer({ config: { streamKeys: [key], ladder: 'source' } });
    for (const media of ['audio', 'video'] as const) {
      const publisher = startPublisher({ url: server.publishUrl(key), media });
      const page = await browser.newPage();
      await page.goto(`${server.url}/watch/cam?engine=hls`);
      await untilPlayed(page, 3, 30_000);
      await page.close();
      await publisher.stop();
    }
  });

  it('shows the offline page, and starts by itself when the broadcast does', async () => {
    await using server = await startServer({ config: { streamKeys: [key], ladder: 'source' } });
    const page = await browser.newPage();
    await page.goto(`${server.url}/watch/cam?engine=hls`);
    await page.getByText(/off air|offline|not live/i).first().waitFor();
    const { loadedAt } = (await playhead(page)) ?? { loadedAt: await page.evaluate(() => performance.timeOrigin) };
    await using _publisher = startPublisher({ url: server.publishUrl(key) });
    const playing = await untilPlayed(page, 2, 40_000);
    expect(playing.loadedAt).toBe(loadedAt);
    await page.close();
  });

  it('changes to a lower rung when the bandwidth falls, and back when it returns', async () => {
    const ladder = [{ height: 360, bitrate: '2M' }, { height: 240, bitrate: '350k' }];
    await using server = await startServer({ config: { streamKeys: [key], ladder } });
    await using _publisher = startPublisher({ url: server.publishUrl(key), kilobits: 2000 });
    const throttle = await startThrottle(server.httpPort);
    const page = await browser.newPage();
    throttle.setRate(4_000_000);
    await page.goto(`http://127.0.0.1:${throttle.port}/watch/cam?engine=hls`);
    await until('the top rung', async () => (await untilPlayed(page, 1)).height === 360, { deadline: 40_000 });
    throttle.setRate(1_000_000);
    await until('the lower rung', async () => (await playhead(page))?.height === 240);
    throttle.setRate(4_000_000);
    await until('the top rung again', async () => (await playhead(page))?.height === 360, { deadline: 40_000 });
    await page.close();
    await throttle.close();
  });
});
