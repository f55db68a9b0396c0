import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { playhead, untilPlayed } from '#test/e2e/playing.ts';
import { startBarePage, type BarePage } from '#test/support/bare-page.ts';
import { makeClip, startBroadcaster, type Broadcaster, type Clip } from '#test/support/broadcaster.ts';
import { startBrowser } from '#test/support/browser.ts';
import { startDashPages, type DashPages } from '#test/support/dash-page.ts';
import { until } from '#test/support/until.ts';

import { newestOf } from '../soak/streams.ts';
import { startCluster, type Cluster } from './cluster.ts';

const key = 'main_0123456789abcdef';

/** Players that know nothing of Millrace: content steering alone tells them where to go. */
describe('stock players, whose edge goes', () => {
  let cluster: Cluster;
  let clip: Clip;
  let broadcaster: Broadcaster;
  let browser: Browser;
  let bare: BarePage;
  let dash: DashPages;

  beforeAll(async () => {
    [clip, browser, bare, dash] = await Promise.all([makeClip(), startBrowser(), startBarePage(), startDashPages()]);
    cluster = await startCluster({
      nodes: { 'control-1': { role: 'control' }, 'ingest-1': { role: 'ingest' }, 'transcode-1': { role: 'transcode' }, 'edge-1': { role: 'edge' }, 'edge-2': { role: 'edge' } },
      // Longer than the steering's time to live: who is steered has gone by then.
      config: { streamKeys: [key], ladder: 'source', drainSeconds: 25 },
    });
    broadcaster = startBroadcaster({ clip, urls: [cluster.node('ingest-1').publishUrl(key)], seconds: 600 });
    for (const edge of ['edge-1', 'edge-2']) {
      await until('the broadcast', () => newestOf(cluster.node(edge).url, 'main'), { deadline: 30_000 });
    }
  });

  afterAll(async () => {
    await browser?.close();
    await Promise.all([bare?.close(), dash?.close()]);
    await broadcaster?.[Symbol.asyncDispose]();
    await cluster?.[Symbol.asyncDispose]();
    await clip?.[Symbol.asyncDispose]();
  });

  /** The address of an edge that other processes name. */
  async function open(player: 'hls.js' | 'dash.js', edge: string): Promise<Page> {
    const page = await browser.newPage();
    const { url } = cluster.node(edge);
    const named = url.replace('127.0.0.1', 'localhost');
    await page.goto(player === 'hls.js' ? bare.url(`${named}/live/main/master.m3u8`) : dash.url('dash.js', `${named}/live/main/manifest.mpd`));
    await untilPlayed(page, 3, 40_000);
    return page;
  }

  it.each(['hls.js', 'dash.js'] as const)('%s goes on at the other when it is drained', async (player) => {
    const page = await open(player, 'edge-1');
    const before = await playhead(page);
    // It has asked where it may go: once, and again when its answer's time is over.
    expect(await cluster.node('edge-1').stop()).toBe(0);
    const after = await untilPlayed(page, 5, 40_000);
    expect(after.loadedAt).toBe(before?.loadedAt);
    await page.close();
    await cluster.node('edge-1').start();
  });

  it('hls.js goes on at the other when it is killed', async () => {
    const page = await open('hls.js', 'edge-1');
    const before = await playhead(page);
    await cluster.node('edge-1').kill();
    const after = await untilPlayed(page, 5, 60_000);
    expect(after.loadedAt).toBe(before?.loadedAt);
    await page.close();
    await cluster.node('edge-1').start();
  });
});
