import type { Browser, Page } from 'playwright-core';

/** What a page saw since it was opened, by its own clock (milliseconds since it was loaded). */
export type Seen = {
  /** Pictures shown. */
  readonly pictures: number;
  /** Times without a new picture of more than 0.4 s: when it began, how long it lasted. The one that goes on now is the last. */
  readonly freezes: readonly { readonly at: number; readonly length: number }[];
  readonly now: number;
};

/** A browser's tab with a stream. */
export type Viewer = {
  readonly page: Page;
  /** Loads of the page after the first: 0 where the viewer never had to do anything. */
  readonly reloads: number;
  seen(): Promise<Seen>;
  close(): Promise<void>;
};

/** A longer time between two pictures is a freeze to whoever watches. */
const FREEZE_MILLIS = 400;

/** Opens a page and counts what it shows. `height`: of the rung to choose by the page's own quality setting. */
export async function openViewer(browser: Browser, url: string, height?: number): Promise<Viewer> {
  const page = await browser.newPage({ viewport: { width: 800, height: 600 } });
  let loads = 0;
  page.on('framenavigated', (frame) => {
    loads += frame === page.mainFrame() ? 1 : 0;
  });
  await page.addInitScript(watchPictures, FREEZE_MILLIS);
  await page.goto(url);
  if (height !== undefined) {
    await page.waitForFunction(chooseRung, height);
  }
  return {
    page,
    get reloads() {
      return loads - 1;
    },
    seen: () => page.evaluate(() => (globalThis as unknown as { millraceSeen(): Seen }).millraceSeen()),
    close: () => page.close(),
  };
}

/** Runs in the page: chooses a rung once the player knows of it. */
function chooseRung(height: number): boolean {
  type Api = { stats: { levels: { height: number }[] }; setLevel(level: number): void };
  const { millrace } = globalThis as unknown as { millrace?: Api };
  const level = millrace?.stats.levels.findIndex((rung) => rung.height === height) ?? -1;
  if (level >= 0) {
    millrace?.setLevel(level);
  }
  return level >= 0;
}

/** Runs in the page: follows whichever `<video>` is there, picture by picture. */
function watchPictures(freezeMillis: number): void {
  type Video = { requestVideoFrameCallback(callback: () => void): void };
  const host = globalThis as unknown as {
    document: { querySelector(selector: string): Video | null };
    setInterval(callback: () => void, millis: number): void;
    millraceSeen(): Seen;
  };
  const freezes: { at: number; length: number }[] = [];
  let pictures = 0;
  let last: number | undefined;
  const followed = new WeakSet<Video>();
  const shown = (): void => {
    const now = performance.now();
    if (last !== undefined && now - last > freezeMillis) {
      freezes.push({ at: last, length: now - last });
    }
    last = now;
    pictures += 1;
  };
  const follow = (video: Video): void => {
    video.requestVideoFrameCallback(() => {
      shown();
      follow(video);
    });
  };
  host.setInterval(() => {
    const video = host.document.querySelector('video');
    if (video !== null && !followed.has(video)) {
      followed.add(video);
      follow(video);
    }
  }, 20);
  host.millraceSeen = () => {
    const now = performance.now();
    const open = last !== undefined && now - last > freezeMillis ? [{ at: last, length: now - last }] : [];
    return { pictures, freezes: [...freezes, ...open], now };
  };
}
