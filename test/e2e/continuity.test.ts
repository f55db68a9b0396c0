import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFailed } from 'vitest';

import { startBarePage, type BarePage } from '#test/support/bare-page.ts';
import { startBrowser } from '#test/support/browser.ts';
import { childrenOf } from '#test/support/processes.ts';
import { startPublisher } from '#test/support/publisher.ts';
import { startServer, type TestServer } from '#test/support/server.ts';
import { until } from '#test/support/until.ts';

import { playhead, untilPlayed } from './playing.ts';

const key = 'cam_0123456789abcdef';
const config = {
  streamKeys: [key],
  ladder: [
    { height: 360, bitrate: '800k' },
    { height: 240, bitrate: '350k' },
  ],
};

/** The two players that must play on: stock hls.js with default settings, and ours. */
const players = ['stock hls.js', 'the watch page'] as const;

describe('a viewer plays on without a reload', () => {
  let browser: Browser;
  let bare: BarePage;

  beforeAll(async () => {
    [browser, bare] = await Promise.all([startBrowser(), startBarePage()]);
  });

  afterAll(async () => {
    await browser.close();
    await bare.close();
  });

  const open = async (server: TestServer, player: (typeof players)[number]): Promise<Page> => {
    const page = await browser.newPage();
    await page.goto(player === 'the watch page' ? `${server.url}/watch/cam?engine=hls` : bare.url(`${server.url}/live/cam/master.m3u8`));
    return page;
  };
  const onAir = (server: TestServer): Promise<unknown> =>
    until('the stream to be on air', async () => (await fetch(`${server.url}/live/cam/master.m3u8`)).ok);

  it.each(players)('in %s, when the publisher drops and returns', async (player) => {
    await using server = await startServer({ config });
    const url = server.publishUrl(key);
    const publisher = startPublisher({ url });
    await onAir(server);
    const page = await open(server, player);
    const before = await untilPlayed(page, 2);
    await publisher.kill();
    await until('the server to notice', async () => (await state(server)) === 'interrupted');
    await using _again = startPublisher({ url });
    await until('the return', async () => (await state(server)) === 'live');
    const after = await untilPlayed(page, 4, 30_000);
    expect(after.loadedAt).toBe(before.loadedAt);
    await page.close();
  });

  it.each(players)('in %s, when ffmpeg is killed', async (player) => {
    await using server = await startServer({ config });
    await using _publisher = startPublisher({ url: server.publishUrl(key) });
    await onAir(server);
    const page = await open(server, player);
    const before = await untilPlayed(page, 2);
    const encoders = await childrenOf(server.process().pid ?? 0, 'ffmpeg');
    expect(encoders).toHaveLength(1);
    encoders.forEach((pid) => process.kill(pid, 'SIGKILL'));
    const after = await untilPlayed(page, 4, 30_000);
    expect(after.loadedAt).toBe(before.loadedAt);
    await until('another ffmpeg', async () => (await childrenOf(server.process().pid ?? 0, 'ffmpeg')).length === 1);
    await page.close();
  });

  // Stock hls.js gives up where connections are refused for more than a second; ours asks for as long as it takes.
  it.each([
    ['stock hls.js', 'killed', 'held'],
    ['the watch page', 'killed', 'held'],
    ['stock hls.js', 'stopped', 'held'],
    ['the watch page', 'killed', 'its own'],
  ] as const)('in %s, when the server is %s and started again (sockets: %s)', async (player, end, sockets) => {
    await using server = await startServer({ config, sockets: sockets === 'held' ? 'held' : 'own' });
    onTestFailed(() => void process.stdout.write(server.log()));
    await using _publisher = keepPublishing(server.publishUrl(key));
    await onAir(server);
    const page = await open(server, player);
    const before = await untilPlayed(page, 2);
    await server.kill(end === 'killed' ? 'SIGKILL' : 'SIGTERM');
    await server.start();
    const after = await untilPlayed(page, 4, 40_000);
    expect(after.loadedAt).toBe(before.loadedAt);
    expect((await playhead(page))?.paused).toBe(false);
    await page.close();
  });

  /** A broadcaster whose encoder is started again whenever it ends, as OBS reconnects. */
  function keepPublishing(url: string): AsyncDisposable {
    let publisher = startPublisher({ url });
    let over = false;
    const supervised = (async () => {
      for (await publisher.exited; !over; await publisher.exited) {
        publisher = startPublisher({ url });
      }
    })();
    return {
      [Symbol.asyncDispose]: async () => {
        over = true;
        await publisher.kill();
        await supervised;
      },
    };
  }

  async function state(server: TestServer): Promise<string> {
    const answer = await fetch(`${server.url}/api/v1/streams/cam`);
    return ((await answer.json()) as { state: string }).state;
  }
});
