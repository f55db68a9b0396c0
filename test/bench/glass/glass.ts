import type { Browser, Page } from 'playwright-core';

import { quantile } from '../support/statistics.ts';
import { beginReadingAtLoad, takeReading, type Glass } from '../support/glass-reader.ts';

/** Glass to glass through one page. Times in milliseconds. */
export type GlassResult = {
  readonly way: string;
  readonly frames: number;
  readonly p50: number;
  readonly p95: number;
  readonly max: number;
  /** From opening the page to the first picture shown. */
  readonly join: number;
  /** Times that no new picture was shown for longer than {@link STALL_MILLIS}. */
  readonly stalls: number;
  /** Heights of the pictures shown, each with its share. */
  readonly rungs: Readonly<Record<string, number>>;
  readonly unreadable: number;
};

/** A pause between two pictures that a viewer takes for a stall. */
export const STALL_MILLIS = 250;

/** Options of {@link measureGlass}. */
export type GlassOptions = {
  /** The rung to choose on our own page, by its height; the latency of no other counts then. */
  readonly height?: number;
};

/** Latency counts once the player has had time to settle at its target. */
const SETTLE_MILLIS = 10_000;

/**
 * Opens a page in a fresh context and reads the bar code of every frame that it shows for so many seconds.
 */
export async function measureGlass(browser: Browser, way: string, url: string, seconds: number, options: GlassOptions = {}): Promise<GlassResult> {
  const context = await browser.newContext({ viewport: { width: 1000, height: 700 } });
  try {
    const page = await context.newPage();
    await beginReadingAtLoad(page);
    const opened = Date.now();
    await page.goto(url, { waitUntil: 'commit' });
    if (options.height !== undefined) {
      await choose(page, options.height);
    }
    const frames: Glass[] = [];
    let unreadable = 0;
    for (const end = opened + seconds * 1000; Date.now() < end; ) {
      await page.waitForTimeout(Math.max(0, Math.min(5000, end - Date.now())));
      const reading = await takeReading(page);
      frames.push(...reading.frames);
      unreadable += reading.unreadable;
    }
    await report(page, way);
    return { way, ...summary(frames, opened, options.height), unreadable };
  } finally {
    await context.close();
  }
}

/** Has our own page show a rung, as the quality menu does, once it knows of it. */
async function choose(page: Page, height: number): Promise<void> {
  await page.waitForFunction((wanted) => {
    type Api = { stats: { levels: { height: number }[] }; setLevel(level: number): void };
    const { millrace } = globalThis as unknown as { millrace?: Api };
    const level = millrace?.stats.levels.findIndex((rung) => rung.height === wanted) ?? -1;
    if (level >= 0) {
      millrace?.setLevel(level);
    }
    return level >= 0;
  }, height);
}

function summary(frames: readonly Glass[], opened: number, height?: number): Omit<GlassResult, 'way' | 'unreadable'> {
  const first = frames[0]?.at ?? Number.NaN;
  const settled = frames.filter((frame) => frame.at - first >= SETTLE_MILLIS && (height === undefined || frame.height === height));
  const latencies = settled.map(({ latency }) => latency).sort((a, b) => a - b);
  const stalls = frames.filter(({ at }, i) => at - (frames[i - 1]?.at ?? at) > STALL_MILLIS).length;
  const rungs: Record<string, number> = {};
  for (const { height } of settled) {
    rungs[height] = (rungs[height] ?? 0) + 1 / settled.length;
  }
  return {
    frames: frames.length,
    p50: quantile(latencies, 0.5),
    p95: quantile(latencies, 0.95),
    max: latencies.at(-1) ?? Number.NaN,
    join: first - opened,
    stalls,
    rungs,
  };
}

async function report(page: Page, way: string): Promise<void> {
  const errors = await page.evaluate(() => (globalThis as { errors?: string[] }).errors ?? []);
  if (errors.length > 0) {
    process.stdout.write(`${way}: the player reported ${errors.join(', ')}\n`);
  }
}
