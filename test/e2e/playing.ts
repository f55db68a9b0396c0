import type { Page } from 'playwright-core';

import { until } from '#test/support/until.ts';

/** Where a page's `<video>` stands. */
export type Playhead = {
  readonly time: number;
  readonly paused: boolean;
  readonly readyState: number;
  readonly height: number;
  /** Changes when the page was loaded anew: playing on means that it does not. */
  readonly loadedAt: number;
};

/** Reads the playhead; undefined while there is no `<video>`. */
export function playhead(page: Page): Promise<Playhead | undefined> {
  return page.evaluate(() => {
    type Video = { currentTime: number; paused: boolean; readyState: number; videoHeight: number };
    const host = globalThis as unknown as { document: { querySelector(selector: string): Video | null } };
    const video = host.document.querySelector('video');
    return video === null
      ? undefined
      : { time: video.currentTime, paused: video.paused, readyState: video.readyState, height: video.videoHeight, loadedAt: performance.timeOrigin };
  });
}

/** Waits until the picture has moved on by so many seconds from where it stands. What it rejects with says where the picture stood, and what the player complained of. */
export async function untilPlayed(page: Page, seconds: number, deadline = 40_000): Promise<Playhead> {
  let start: Playhead | undefined;
  const played = until(
    `${seconds} s to be played`,
    async () => {
      const now = await playhead(page);
      if (now === undefined || now.paused || now.readyState < 2) {
        return undefined;
      }
      // After a jump (to the live edge, or into a new source) the count begins anew.
      if (start === undefined || now.time < start.time || now.loadedAt !== start.loadedAt) {
        start = now;
      }
      return now.time - start.time >= seconds ? now : undefined;
    },
    { deadline },
  );
  return played.catch(async (error: Error) => {
    throw new Error(`${error.message}; ${await complaints(page)}`, { cause: error });
  });
}

/** Where the picture stands, what is buffered, and what the player complained of. */
export function complaints(page: Page): Promise<string> {
  return page.evaluate(() => {
    type Ranges = { readonly length: number; start(i: number): number; end(i: number): number };
    type Video = { currentTime: number; paused: boolean; readyState: number; error: { message: string } | null; buffered: Ranges };
    const host = globalThis as unknown as { errors?: string[]; story?: string[]; document: { querySelector(selector: string): Video | null } };
    const video = host.document.querySelector('video');
    const buffered = video === null ? [] : Array.from({ length: video.buffered.length }, (_, i) => [video.buffered.start(i), video.buffered.end(i)]);
    return JSON.stringify({ time: video?.currentTime, paused: video?.paused, readyState: video?.readyState, error: video?.error?.message, buffered, errors: host.story ?? host.errors });
  });
}
