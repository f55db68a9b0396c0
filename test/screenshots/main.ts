// Makes the screenshots of the documentation: `node test/screenshots/main.ts [folder]`. Needs ffmpeg, /usr/bin/chromium and
// the built player (`npm run build`).
import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import type { Browser, Page } from 'playwright-core';

import { startBrowser } from '../support/browser.ts';
import { startServer } from '../support/server.ts';
import { until } from '../support/until.ts';

const devices = {
  desktop: { viewport: { width: 1280, height: 800 }, deviceScaleFactor: 1, hasTouch: false, isMobile: false },
  phone: { viewport: { width: 390, height: 844 }, deviceScaleFactor: 1, hasTouch: true, isMobile: true },
} as const;

type Shot = {
  readonly name: string;
  readonly device: keyof typeof devices;
  readonly scheme: 'light' | 'dark';
  /** Path below the server's root. */
  readonly path: string;
  /** Brings the page to what is shown; the picture moves by then, where one is to come. */
  readonly prepare: (page: Page) => Promise<void>;
};

/** A stream that has a key and nobody on air. */
const QUIET = 'studio';

/** Few enough to be kept in the repository: less than a megabyte in all. */
const shots: readonly Shot[] = [
  { name: 'landing', device: 'desktop', scheme: 'light', path: '/', prepare: listed },
  { name: 'landing', device: 'phone', scheme: 'dark', path: '/', prepare: listed },
  { name: 'watch', device: 'desktop', scheme: 'dark', path: '/watch/demo', prepare: playing },
  { name: 'watch', device: 'phone', scheme: 'light', path: '/watch/demo', prepare: playing },
  { name: 'watch-stats', device: 'desktop', scheme: 'light', path: '/watch/demo', prepare: withStatistics },
  { name: 'watch-rewind', device: 'desktop', scheme: 'dark', path: '/watch/demo', prepare: wentBack },
  { name: 'watch-menu', device: 'phone', scheme: 'dark', path: '/watch/demo', prepare: withMenu },
  { name: 'offline', device: 'phone', scheme: 'dark', path: `/watch/${QUIET}`, prepare: offAir },
];

async function listed(page: Page): Promise<void> {
  await page.locator('a[href$="/watch/demo"]').first().waitFor();
}

/** What is read of `window.millrace`. */
type Stats = { readonly state: string; readonly latency: number | null; readonly targetLatency: number | null; readonly level: number; readonly levels: readonly unknown[] };

/** What is read of a viewer who goes back. */
type Rewind = Pick<Stats, 'state' | 'latency'> & { readonly engine: string | null; readonly rewind: { readonly window: number } | null };

/** A target above this is one that was raised by stalls: this machine is busy with other things. Seconds. */
const CALM_TARGET = 0.85;

/** Waits until the best rung plays near a calm latency target and the page says that one viewer watches; shows the controls. */
async function playing(page: Page): Promise<void> {
  const isCalm = async (): Promise<boolean> => {
    const stats = await page.evaluate(() => (globalThis as { millrace?: { stats: Stats } }).millrace?.stats);
    if (stats === undefined || stats.latency === null || stats.targetLatency === null) {
      return false;
    }
    return stats.state === 'playing' && stats.targetLatency < CALM_TARGET && stats.latency < stats.targetLatency + 0.1 && stats.levels.length > 1 && stats.level === stats.levels.length - 1;
  };
  await until('a picture that plays calmly', isCalm, { deadline: 90_000 });
  await soundOn(page);
  const viewers = page.getByText('1 viewer', { exact: true });
  if (new URL(page.url()).pathname.startsWith('/watch/')) {
    await viewers.waitFor({ timeout: 30_000 });
    await until('a picture that plays calmly', isCalm, { deadline: 90_000 });
  }
  await wake(page);
}

/** The button that offers sound lies over the picture: it is pressed, as a viewer would. */
async function soundOn(page: Page): Promise<void> {
  const button = page.getByRole('button', { name: 'Turn sound on' }).first();
  if (await button.isVisible()) {
    await button.click();
  }
}

async function wake(page: Page): Promise<void> {
  const { x, y, width, height } = (await page.locator('video').boundingBox()) ?? { x: 0, y: 0, width: 0, height: 0 };
  await page.mouse.move(x + width / 2, y + height / 3);
  await page.mouse.move(x + width / 2 + 1, y + height / 3);
}

async function withStatistics(page: Page): Promise<void> {
  await playing(page);
  await page.keyboard.press('i');
}

async function withMenu(page: Page): Promise<void> {
  await playing(page);
  await page.getByRole('button', { name: /^Quality/ }).click();
}

/** Half a minute back, with the mouse over the seek bar where there is a picture of it. */
async function wentBack(page: Page): Promise<void> {
  await playing(page);
  const stats = (): Promise<Rewind | undefined> => page.evaluate(() => (globalThis as { millrace?: { stats: Rewind } }).millrace?.stats);
  await until('a minute to be kept', async () => ((await stats())?.rewind?.window ?? 0) > 60, { deadline: 90_000 });
  await page.keyboard.press('j');
  await page.keyboard.press('j');
  await page.keyboard.press('j');
  await until('what was shown then', async () => ((now) => now?.engine === 'rewind' && now.state === 'playing' && now.latency !== null)(await stats()), { deadline: 30_000 });
  await wake(page);
  const { x, y, width, height } = (await page.getByRole('slider', { name: 'Rewind' }).boundingBox()) ?? { x: 0, y: 0, width: 0, height: 0 };
  await page.mouse.move(x + width / 4, y + height / 2);
  await page.locator('.preview .tile').waitFor({ timeout: 30_000 });
}

async function offAir(page: Page): Promise<void> {
  await page.getByText('off air', { exact: true }).waitFor();
}

async function shoot(browser: Browser, url: string, folder: string, shot: Shot): Promise<string> {
  const context = await browser.newContext({ ...devices[shot.device], colorScheme: shot.scheme, locale: 'en-GB' });
  const path = join(folder, `${shot.name}-${shot.device}-${shot.scheme}.png`);
  const page = await context.newPage();
  await page.goto(`${url}${shot.path}`);
  await shot.prepare(page);
  await page.screenshot({ path });
  await context.close();
  return path;
}

const folder = process.argv[2] ?? fileURLToPath(new URL('../../docs/screenshots', import.meta.url));
await mkdir(folder, { recursive: true });
await using browser = await startBrowser();
await using demo = await startServer();
await using quiet = await startServer({ config: { streamKeys: `${QUIET}_nobody-is-on-air-here` } });
for (const shot of shots) {
  const { url } = shot.path.endsWith(QUIET) ? quiet : demo;
  const path = await shoot(browser, url, folder, shot);
  process.stdout.write(`${path}: ${Math.round((await stat(path)).size / 1024)} KiB\n`);
}
