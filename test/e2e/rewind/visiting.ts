import type { Page } from 'playwright-core';

import type { TestServer } from '#test/support/server.ts';
import { until } from '#test/support/until.ts';

import { complaints } from '../playing.ts';

/** What the tests read of `window.millrace.stats`. */
export type Stats = {
  readonly state: string;
  readonly engine: string | null;
  readonly latency: number | null;
  readonly following: boolean;
  readonly stalls: number;
  readonly ways: readonly { readonly engine: string; readonly because: string | null }[];
  readonly rewind: { readonly state: string; readonly window: number; readonly behind: number; readonly active: boolean } | null;
  readonly recording: { readonly position: number; readonly duration: number | null; readonly speed: number } | null;
};

/** Reads the player's state; undefined while there is none. */
export function statsOf(page: Page): Promise<Stats | undefined> {
  return page.evaluate(() => (globalThis as { millrace?: { stats: Stats } }).millrace?.stats);
}

/** Waits until the player is in a state. What it rejects with says in which state it was instead, and what it complained of. */
export function untilStats(page: Page, what: string, is: (stats: Stats) => boolean, deadline = 40_000): Promise<Stats> {
  let last: Stats | undefined;
  const reached = until(
    what,
    async () => {
      last = await statsOf(page);
      return last !== undefined && is(last) ? last : undefined;
    },
    { deadline },
  );
  return reached.catch(async (error: Error) => {
    throw new Error(`${error.message}; ${JSON.stringify(last)}; ${await complaints(page)}`, { cause: error });
  });
}

/** What the API says of a stream. */
export async function streamOf(server: TestServer, name: string): Promise<{ readonly state: string; readonly broadcast: string | null }> {
  return (await (await fetch(`${server.url}/api/v1/streams/${name}`)).json()) as { state: string; broadcast: string | null };
}

/** Waits until so many seconds of a stream are kept. */
export function untilKept(page: Page, seconds: number): Promise<Stats> {
  return untilStats(page, `${seconds} s to be kept`, ({ rewind }) => rewind !== null && rewind.window >= seconds, (seconds + 30) * 1_000);
}

/** Moves the mouse over the picture: the controls come. */
export async function wake(page: Page): Promise<void> {
  const { x, y, width, height } = (await page.locator('video').boundingBox()) ?? { x: 0, y: 0, width: 0, height: 0 };
  await page.mouse.move(x + width / 2, y + height / 3);
  await page.mouse.move(x + width / 2 + 2, y + height / 3);
}
