import type { Page } from 'playwright-core';

/** A frame on the screen. */
export type ShownFrame = {
  /** By the page's clock, milliseconds. */
  readonly at: number;
  /** Where in the media it is, seconds. */
  readonly mediaTime: number;
};

/** What a page has shown between two instants, and what its player said. */
export type Watched = {
  readonly frames: number;
  /** The longest time between two frames, milliseconds. */
  readonly longestFreeze: number;
  /** How far the media went ahead of the frames before the longest freeze, over it: zero where it went on at the same place, seconds. */
  readonly leftOut: number;
  /** Loads of the page after the first. */
  readonly reloads: number;
  /** Base URL of the edge in use, and how it came there. */
  readonly edge: { readonly url: string; readonly others: number; readonly moves: readonly { readonly edge: string; readonly because: string }[] };
  readonly engine: string | null;
  readonly state: string;
};

type Host = {
  document: { querySelector(selector: string): Video | null };
  setInterval(callback: () => void, milliseconds: number): void;
  shownFrames: ShownFrame[];
  millrace?: { stats: { engine: string | null; state: string; edge: Watched['edge'] } };
};
type Video = { requestVideoFrameCallback(callback: (now: number, frame: { mediaTime: number }) => void): void };

/** Opens a page that notes each frame that it shows. */
export async function openNoting(page: Page, url: string): Promise<{ readonly reloads: () => number }> {
  let loads = 0;
  page.on('framenavigated', (frame) => {
    loads += frame === page.mainFrame() ? 1 : 0;
  });
  await page.addInitScript(noteFrames);
  await page.goto(url);
  return { reloads: () => loads - 1 };
}

/** Frames shown so far. */
export function framesShown(page: Page): Promise<number> {
  return page.evaluate(() => (globalThis as unknown as Host).shownFrames.length);
}

/** The player could go to another edge. */
export function knowsAnother(page: Page): Promise<boolean> {
  return page.evaluate(() => ((globalThis as unknown as Host).millrace?.stats.edge.others ?? 0) > 0);
}

/** The page's clock, milliseconds. */
export function pageNow(page: Page): Promise<number> {
  return page.evaluate(() => performance.now());
}

/** What was shown since an instant of the page's clock. */
export async function watchedSince(page: Page, since: number, reloads: number): Promise<Watched> {
  const { frames, stats } = await page.evaluate(() => {
    const host = globalThis as unknown as Host;
    return { frames: host.shownFrames, stats: host.millrace?.stats };
  });
  if (stats === undefined) {
    throw new Error('the page has no player');
  }
  // The one that stands at the beginning counts as well.
  const first = Math.max(frames.findLastIndex(({ at }) => at < since), 0);
  const seen = frames.slice(first);
  const gaps = seen.slice(1).map((frame, i) => ({ length: frame.at - (seen[i]?.at ?? 0), media: frame.mediaTime - (seen[i]?.mediaTime ?? 0) }));
  const longest = gaps.reduce((a, b) => (b.length > a.length ? b : a), { length: 0, media: 0 });
  const { edge, engine, state } = stats;
  return { frames: seen.length, longestFreeze: Math.round(longest.length), leftOut: Math.round(longest.media * 1_000) / 1_000, reloads, edge, engine, state };
}

/** Runs in the page. */
function noteFrames(): void {
  const host = globalThis as unknown as Host;
  host.shownFrames = [];
  const followed = new WeakSet<Video>();
  const follow = (video: Video): void => {
    video.requestVideoFrameCallback((_now, { mediaTime }) => {
      host.shownFrames.push({ at: performance.now(), mediaTime });
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
}
