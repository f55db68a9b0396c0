import type { Browser, Page } from 'playwright-core';

import { startPublisher } from '#test/support/publisher.ts';
import { startServer } from '#test/support/server.ts';
import { startThrottle } from '#test/support/throttle.ts';
import { until } from '#test/support/until.ts';

/** How the watch page adapts under 4, then 1, then 4 Mbit/s. Seconds. */
export type AbrResult = {
  /** From the fall of the bandwidth to the lower rung being shown. */
  readonly down: number;
  /** From its return to the top rung being shown. */
  readonly up: number;
  /** Changes of the shown rung in the given seconds at a constant 4 Mbit/s, after settling. */
  readonly switches: number;
  readonly seconds: number;
  /** Stalls that the player counted, from the first picture to the end. */
  readonly stalls: number;
};

const key = 'abr_0123456789abcdef';
const ladder = [
  { height: 360, bitrate: '2M' },
  { height: 240, bitrate: '350k' },
];
const [WIDE, NARROW] = [4_000_000, 1_000_000];

/** A top rung of 2 Mbit/s and a lower one of 0.35, behind a bottleneck that changes. */
export async function measureAbr(browser: Browser, seconds: number): Promise<AbrResult> {
  await using server = await startServer({ config: { streamKeys: [key], ladder } });
  await using _publisher = startPublisher({ url: server.publishUrl(key), kilobits: 2000 });
  const throttle = await startThrottle(server.httpPort);
  const page = await browser.newPage();
  try {
    throttle.setRate(WIDE);
    await until('both rungs', async () => /x240/.test(await (await fetch(`${server.url}/live/abr/master.m3u8`)).text()));
    await page.goto(`http://127.0.0.1:${throttle.port}/watch/abr?engine=hls`);
    await untilHeight(page, 360);
    const switches = await countSwitches(page, seconds);
    throttle.setRate(NARROW);
    const down = await untilHeight(page, 240);
    // The bandwidth stays low for as long as a viewer's train takes through a cutting.
    await page.waitForTimeout(10_000);
    throttle.setRate(WIDE);
    const up = await untilHeight(page, 360);
    const stalls = await page.evaluate(() => (globalThis as unknown as { millrace: { stats: { stalls: number } } }).millrace.stats.stalls);
    return { down, up, switches, seconds, stalls };
  } finally {
    await page.close();
    await throttle.close();
  }
}

function heightOf(page: Page): Promise<number> {
  return page.evaluate(() => (globalThis as unknown as { document: { querySelector(s: string): { videoHeight: number } | null } }).document.querySelector('video')?.videoHeight ?? 0);
}

async function untilHeight(page: Page, height: number): Promise<number> {
  const began = performance.now();
  await until(`${height}p`, async () => (await heightOf(page)) === height, { deadline: 60_000 });
  return (performance.now() - began) / 1000;
}

async function countSwitches(page: Page, seconds: number): Promise<number> {
  let switches = 0;
  let last = await heightOf(page);
  for (const end = performance.now() + seconds * 1000; performance.now() < end; ) {
    await page.waitForTimeout(100);
    const now = await heightOf(page);
    switches += now === last ? 0 : 1;
    last = now;
  }
  return switches;
}
