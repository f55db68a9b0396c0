import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { startBrowser } from '#test/support/browser.ts';
import { startPublisher } from '#test/support/publisher.ts';
import { startServer, type TestServer } from '#test/support/server.ts';
import { until } from '#test/support/until.ts';

import { untilPlayed } from '../playing.ts';
import { untilStats, wake } from './visiting.ts';

const key = 'cam_0123456789abcdef';

type Recording = { readonly id: string; readonly state: string; readonly duration: number };

/** How many seconds of media go by in a second, by what a page shows within the next one. */
function speedOf(page: Page): Promise<number> {
  return page.evaluate(async () => {
    const video = (globalThis as unknown as { document: { querySelector(selector: string): { currentTime: number } } }).document.querySelector('video');
    const [position, time] = [video.currentTime, performance.now()];
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    return (1_000 * (video.currentTime - position)) / (performance.now() - time);
  });
}

describe('recordings', () => {
  let browser: Browser;
  let server: TestServer;
  let recording: Recording;

  beforeAll(async () => {
    [browser, server] = await Promise.all([startBrowser(), startServer({ config: { streamKeys: [key], ladder: 'source' } })]);
    const publisher = startPublisher({ url: server.publishUrl(key) });
    const newest = async (): Promise<Recording | undefined> => {
      const answer = (await (await fetch(`${server.url}/api/v1/recordings?stream=cam`)).json()) as { recordings: Recording[] };
      return answer.recordings[0];
    };
    await until('25 s to be recorded', async () => ((await newest())?.duration ?? 0) > 25, { deadline: 60_000 });
    await publisher.stop();
    recording = await until(
      'the recording to be finished',
      async () => {
        const found = await newest();
        return found?.state === 'finished' ? found : undefined;
      },
      { deadline: 60_000 },
    );
  }, 150_000);

  afterAll(async () => {
    await browser.close();
    await server[Symbol.asyncDispose]();
  });

  it('are on the landing page with their poster, and lead to their page', async () => {
    const page = await browser.newPage();
    await page.goto(server.url);
    const link = page.locator(`a[href$="/recordings/${recording.id}"]`);
    await link.waitFor();
    await until('the poster', () => link.locator('img').evaluate((image) => (image as unknown as { naturalWidth: number }).naturalWidth > 0));
    await link.click();
    await page.waitForURL(`**/recordings/${recording.id}`);
    await untilPlayed(page, 2);
    expect(await page.locator('video').count()).toBe(1);
    await page.close();
  });

  it('play, are sought in, and show pictures of what is there', async () => {
    const page = await browser.newPage();
    await page.goto(`${server.url}/recordings/${recording.id}`);
    await untilPlayed(page, 2);
    const { recording: place } = await untilStats(page, 'its length', (stats) => stats.recording?.duration !== null);
    expect(Math.abs((place?.duration ?? 0) - recording.duration)).toBeLessThan(1);
    await wake(page);
    const bar = (await page.getByRole('slider', { name: 'Position' }).boundingBox()) ?? { x: 0, y: 0, width: 0, height: 0 };
    const middle = [bar.x + bar.width / 2, bar.y + bar.height / 2] as const;
    await page.mouse.move(...middle);
    const tile = page.locator('.preview .tile');
    await tile.waitFor({ timeout: 15_000 });
    const picture = await tile.evaluate((element) => {
      const host = globalThis as unknown as { getComputedStyle(of: unknown): { backgroundImage: string } };
      return /url\("(.*)"\)/.exec(host.getComputedStyle(element).backgroundImage)?.[1] ?? '';
    });
    const answer = await fetch(picture);
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'image/jpeg']);
    await page.mouse.click(...middle);
    const sought = await untilStats(page, 'the middle', ({ state, recording: now }) => state === 'playing' && now !== null && now.position > recording.duration * 0.4);
    expect(sought.recording?.position).toBeLessThan(recording.duration * 0.75);
    await page.keyboard.press('j');
    await untilStats(page, 'ten seconds before', ({ recording: now }) => now !== null && now.position < recording.duration * 0.45);
    await untilPlayed(page, 2);
    await wake(page);
    await page.getByRole('combobox', { name: 'Speed' }).selectOption('2');
    await until('the media to go by twice as fast as time', async () => Math.abs((await speedOf(page)) - 2) < 0.25);
    await page.getByRole('slider', { name: 'Position' }).focus();
    await page.keyboard.press('End');
    await page.getByRole('button', { name: 'Play again' }).click();
    await untilStats(page, 'the beginning', ({ recording: now }) => (now?.position ?? 99) < 5);
    await untilPlayed(page, 2);
    await page.close();
  });

  it('can be taken whole', async () => {
    const page = await browser.newPage();
    await page.goto(`${server.url}/recordings/${recording.id}`);
    const coming = page.waitForEvent('download');
    await page.getByRole('link', { name: /Download/ }).click();
    const download = await coming;
    expect(download.suggestedFilename()).toMatch(/^cam-.*\.mp4$/);
    expect(await download.failure()).toBeNull();
    await page.close();
  });

  it('that are not there say so', async () => {
    const page = await browser.newPage();
    await page.goto(`${server.url}/recordings/0123456789abcdef`);
    await page.getByText('This recording is not here', { exact: true }).waitFor();
    await page.getByRole('link', { name: /other recordings/ }).click();
    await page.locator(`a[href$="/recordings/${recording.id}"]`).waitFor();
    await page.close();
  });
});
