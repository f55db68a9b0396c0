import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { startClockPublisher } from '#test/bench/support/clock-publisher.ts';
import { startBrowser } from '#test/support/browser.ts';
import { startPublisher } from '#test/support/publisher.ts';
import { startServer, type TestServer } from '#test/support/server.ts';
import { until } from '#test/support/until.ts';

import { untilPlayed } from '../playing.ts';
import { keepFrameLog, readFrameLog, type FrameLog, type ShownFrame } from './frame-log.ts';

const key = 'cam_0123456789abcdef';

/** Messages are sent this far apart: each falls elsewhere into its part, segment and second. */
const APART_MILLIS = 730;

/** A message is raised so near to the instant at which its frame is shown, milliseconds. */
const WITHIN = 50;

/** Half a frame at 30 a second, milliseconds. */
const HALF_A_FRAME = 17;

type Sent = { readonly id: string; readonly type: string; readonly broadcast: string; readonly time: number; readonly wallTime: string };

async function sendMessage(server: TestServer, data: unknown): Promise<Sent> {
  const token = (await readFile(join(server.dataDir, 'api-token'), 'utf8')).trim();
  const response = await fetch(`${server.url}/api/v1/streams/cam/metadata`, {
    method: 'POST',
    headers: { 'Authorization': `Bearer ${token}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ type: 'poll', data }),
  });
  const text = await response.text();
  expect([response.status, text]).toEqual([201, text]);
  return JSON.parse(text) as Sent;
}

/** Opens the player in a window of its own, so that no page is in the background, and waits for the picture of the way asked for. */
async function watch(browser: Browser, url: string, engine: string): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 700, height: 450 } });
  const page = await context.newPage();
  await keepFrameLog(page);
  await page.goto(`${url}/watch/cam?engine=${engine}`);
  await until(
    `${engine} to play`,
    async () => {
      const stats = await page.evaluate(() => (globalThis as unknown as { millrace?: { stats: { state: string; engine: string | null; totalFrames: number } } }).millrace?.stats);
      // Told to go one way only, the player gives up where nothing comes within two seconds, as on a machine that is busy starting three browsers.
      if (stats?.state === 'unsupported') {
        await page.reload();
      }
      return stats?.state === 'playing' && stats.engine === engine && stats.totalFrames > 60;
    },
    { deadline: 45_000 },
  );
  return page;
}

/** As {@link watch}, where there is nothing to see. */
async function listen(browser: Browser, url: string, engine: string): Promise<Page> {
  const context = await browser.newContext();
  const page = await context.newPage();
  await keepFrameLog(page);
  await page.goto(`${url}/watch/cam?engine=${engine}`);
  await untilPlayed(page, 2, 30_000);
  return page;
}

/** Chooses a rung on a page, as the quality menu does, and waits until it is shown. */
async function choose(page: Page, height: number): Promise<void> {
  await until(
    `${height}p`,
    () =>
      page.evaluate((wanted) => {
        type Host = { millrace: { stats: { levels: { height: number }[] }; setLevel(level: number): void }; document: { querySelector(selector: string): { videoHeight: number } | null } };
        const { millrace, document } = globalThis as unknown as Host;
        const level = millrace.stats.levels.findIndex((rung) => rung.height === wanted);
        if (level >= 0) {
          millrace.setLevel(level);
        }
        return document.querySelector('video')?.videoHeight === wanted;
      }, height),
    { deadline: 30_000 },
  );
}

/** Where a period of LL-DASH lies: seconds of presentation time, and of the broadcast's timeline. */
type Period = { readonly start: number; readonly media: number };

/** Reads the periods of a manifest, enough of them to tell the broadcast's timeline from the player's. */
function periodsOf(manifest: string): readonly Period[] {
  return manifest.split('<Period ').slice(1).map((text) => {
    const [, hours = '0', minutes = '0', seconds = '0'] = / start="PT(?:(\d+)H)?(?:(\d+)M)?(?:([\d.]+)S)?"/.exec(text) ?? [];
    const [, scale, offset] = /timescale="(\d+)" presentationTimeOffset="(\d+)"/.exec(text) ?? [];
    return { start: Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds), media: Number(offset) / Number(scale) };
  });
}

/**
 * When the frame of an instant of media time was drawn, by what LL-DASH showed, whose manifest relates the broadcast's timeline to the player's. Where
 * the page left that very frame out, those beside it tell.
 */
function drawnAt({ frames }: FrameLog, periods: readonly Period[], time: number): number {
  const timeOf = ({ mediaTime }: ShownFrame): number => {
    const { start, media } = periods.findLast((period) => period.start <= mediaTime + 0.005) ?? { start: 0, media: 0 };
    return mediaTime - start + media;
  };
  const ahead = (frame: ShownFrame): number => (timeOf(frame) - time) * 1000;
  const after = frames.findIndex((frame) => ahead(frame) > -HALF_A_FRAME);
  const [next, before] = [frames[after], frames[after - 1]];
  if (next === undefined || ahead(next) < HALF_A_FRAME || before === undefined) {
    return next?.drawn ?? Number.NaN;
  }
  const share = (time - timeOf(before)) / (timeOf(next) - timeOf(before));
  return Math.round(before.drawn + share * (next.drawn - before.drawn));
}

/** How long after its frame was shown a message was raised. Where a page left the frame out, the next one counts. */
function lateness({ frames, messages }: FrameLog, { id }: Sent, drawn: number): number {
  const shown = frames.find((frame) => frame.drawn > drawn - HALF_A_FRAME && frame.drawn < drawn + 1000);
  const raised = messages.find(({ detail }) => detail.id === id);
  return (raised?.at ?? Number.NaN) - (shown?.at ?? Number.NaN);
}

describe('messages on the media timeline', () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await startBrowser();
  });

  afterAll(() => browser.close());

  it.each([
    { name: 'as the publisher sends it', ladder: 'source', height: undefined, messages: 12 },
    { name: 'encoded, which lags behind', ladder: [{ height: 360, bitrate: '600k' }, { height: 240, bitrate: '350k' }], height: 240, messages: 10 },
  ])('are raised with their frame over LL-HLS, LL-DASH and WebRTC at once, whatever the latency: $name', async ({ ladder, height, messages }) => {
    await using server = await startServer({ config: { streamKeys: [key], ladder } });
    const publisher = startClockPublisher({ url: server.publishUrl(key), kilobits: 500 });
    const engines = ['hls', 'dash', 'webrtc'];
    try {
      await until('the broadcast', async () => (await fetch(`${server.url}/live/cam/master.m3u8`)).ok);
      const pages = await Promise.all(engines.map((engine) => watch(browser, server.url, engine)));
      await Promise.all(height === undefined ? [] : pages.map((page) => choose(page, height)));
      const sent: Sent[] = [];
      for (let n = 0; n < messages; n += 1) {
        sent.push(await sendMessage(server, { n }));
        await new Promise((resolve) => setTimeout(resolve, APART_MILLIS));
      }
      const ids = sent.map(({ id }) => id);
      const logs = await Promise.all(
        pages.map((page, index) =>
          until(
            `all messages over ${engines[index]}`,
            async () => {
              const log = await readFrameLog(page);
              return log.messages.length >= messages ? log : undefined;
            },
          ),
        ),
      );
      const periods = periodsOf(await (await fetch(`${server.url}/live/cam/manifest.mpd`)).text());
      const drawn = sent.map(({ time }) => drawnAt(logs[1] as FrameLog, periods, time));
      const lateBy = logs.map((log) => sent.map((one, n) => Math.round(lateness(log, one, drawn[n] ?? Number.NaN))));
      lateBy.forEach((late, index) => process.stdout.write(`${engines[index]}: raised after its frame, ms: ${late.join(' ')}\n`));
      logs.forEach((log, index) => {
        const engine = engines[index];
        // Once each, in their order, as they were sent.
        expect(log.messages.map(({ detail }) => detail.id), engine).toEqual(ids);
        expect(log.messages.map(({ detail }) => detail.data), engine).toEqual(ids.map((_, n) => ({ n })));
        sent.forEach((one, n) => {
          const { detail } = log.messages[n] as FrameLog['messages'][number];
          expect(detail.type, engine).toBe('poll');
          expect(detail.time, engine).toBeCloseTo(one.time, 3);
          expect(Math.abs(Date.parse(detail.wallTime ?? '') - Date.parse(one.wallTime)), engine).toBeLessThan(20);
        });
        expect((lateBy[index] as number[]).filter((by) => !(Math.abs(by) <= WITHIN)), engine).toEqual([]);
      });
      await Promise.all(pages.map((page) => page.context().close()));
    } finally {
      await publisher.stop();
    }
  });

  it('are raised once more for who goes back to before them, from one way to another', async () => {
    await using server = await startServer({ config: { streamKeys: [key], ladder: 'source' } });
    const publisher = startClockPublisher({ url: server.publishUrl(key), kilobits: 500 });
    try {
      await until('the broadcast', async () => (await fetch(`${server.url}/live/cam/master.m3u8`)).ok);
      const page = await watch(browser, server.url, 'webrtc');
      const raised = async (): Promise<readonly string[]> => (await readFrameLog(page)).messages.map(({ detail }) => detail.id);
      // There is something to go back to.
      await new Promise((resolve) => setTimeout(resolve, 10_000));
      const { id, time } = await sendMessage(server, { n: 0 });
      await until('the message', async () => (await raised()).length > 0);
      await new Promise((resolve) => setTimeout(resolve, 3_000));
      await page.keyboard.press('ArrowLeft');
      await until('the message once more', async () => (await raised()).length > 1);
      const { messages } = await readFrameLog(page);
      expect(messages.map(({ detail }) => detail.id)).toEqual([id, id]);
      expect(messages[1]?.detail.time).toBeCloseTo(time, 3);
      await page.context().close();
    } finally {
      await publisher.stop();
    }
  });

  it('are raised with the sound where there is no picture', async () => {
    await using server = await startServer({ config: { streamKeys: [key], ladder: 'source' } });
    await using _publisher = startPublisher({ url: server.publishUrl(key), media: 'audio' });
    const engines = ['hls', 'dash'];
    await until('the broadcast', async () => (await fetch(`${server.url}/live/cam/master.m3u8`)).ok);
    const pages = await Promise.all(engines.map((engine) => listen(browser, server.url, engine)));
    const sent: Sent[] = [];
    for (let n = 0; n < 4; n += 1) {
      sent.push(await sendMessage(server, { n }));
      await new Promise((resolve) => setTimeout(resolve, APART_MILLIS));
    }
    for (const [index, page] of pages.entries()) {
      const { messages } = await until(`all messages over ${engines[index]}`, async () => {
        const log = await readFrameLog(page);
        return log.messages.length >= sent.length ? log : undefined;
      });
      expect(messages.map(({ detail }) => detail.id), engines[index]).toEqual(sent.map(({ id }) => id));
      // Sent and raised at the same distances on the media timeline, whatever the latency, and however often a busy machine let the sound stand.
      const distances = (times: readonly number[]): number[] => times.map((time) => 1000 * (time - (times[0] ?? 0)));
      const [played, meant] = [distances(messages.map(({ playhead }) => playhead)), distances(sent.map(({ time }) => time))];
      process.stdout.write(`${engines[index]}: raised against sent, ms: ${played.map((time, n) => Math.round(time - (meant[n] ?? 0))).join(' ')}\n`);
      played.forEach((time, n) => expect(Math.abs(time - (meant[n] ?? 0)), engines[index]).toBeLessThan(200));
      await page.context().close();
    }
  });
});
