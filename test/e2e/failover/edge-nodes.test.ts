import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { startCluster, type Cluster } from '#test/cluster/cluster.ts';
import { startBrowser } from '#test/support/browser.ts';
import { startPublisher, type Publisher } from '#test/support/publisher.ts';
import type { TestServer } from '#test/support/server.ts';
import { until } from '#test/support/until.ts';

import { framesShown, knowsAnother, openNoting, pageNow, watchedSince, type Watched } from './shown-frames.ts';

const key = 'cam_0123456789abcdef';
const nodes = { 'control-1': { role: 'control' }, 'ingest-1': { role: 'ingest' }, 'transcode-1': { role: 'transcode' }, 'edge-1': { role: 'edge' }, 'edge-2': { role: 'edge' } } as const;

/** What a viewer may see of it, milliseconds. */
const longestFreeze = 2_000;

/** As a server on loopback calls itself. */
function nameOf({ httpPort }: TestServer): string {
  return `http://localhost:${httpPort}/`;
}

describe('a viewer of one of two edges of a cluster', () => {
  let cluster: Cluster;
  let publisher: Publisher;
  let browser: Browser;
  let page: Page;
  let edge: TestServer;
  let other: TestServer;
  const seen: string[] = [];

  beforeAll(async () => {
    [cluster, browser] = await Promise.all([startCluster({ nodes, config: { streamKeys: [key], ladder: 'source' } }), startBrowser()]);
    [edge, other] = [cluster.node('edge-1'), cluster.node('edge-2')];
    publisher = startPublisher({ url: cluster.node('ingest-1').publishUrl(key), seconds: 600 });
    await until('the stream to be on air', async () => (await fetch(`${edge.url}/live/cam/master.m3u8`)).ok, { deadline: 40_000 });
  });

  afterAll(async () => {
    process.stdout.write(`\n${seen.join('\n')}\n\n`);
    await browser?.close();
    await publisher?.[Symbol.asyncDispose]();
    await cluster?.[Symbol.asyncDispose]();
  });

  beforeEach(async () => {
    page = await browser.newPage();
  });

  afterEach(async () => {
    await page.close();
    edge.resume();
    if (edge.process().exitCode !== null || edge.process().signalCode !== null) {
      await edge.start();
    }
    await until('the edge to be one of two again', async () => ((await (await fetch(`${other.url}/api/v1/edges`)).json()) as { edges: unknown[] }).edges.length === 2);
  });

  const watchThrough = async (engine: string, happens: () => unknown): Promise<Watched> => {
    const { reloads } = await openNoting(page, `${nameOf(edge)}watch/cam?engine=${engine}`);
    await until('the picture', async () => (await framesShown(page)) > 60, { deadline: 30_000 });
    await until('the player to know both edges', () => knowsAnother(page));
    const since = await pageNow(page);
    const done = happens();
    await until('the other edge to be in use', async () => (await watchedSince(page, since, reloads())).edge.url === nameOf(other));
    const moved = await framesShown(page);
    await until('a hundred more frames', async () => (await framesShown(page)) > moved + 100, { deadline: 30_000 });
    const watched = await watchedSince(page, since, reloads());
    await done;
    return watched;
  };
  const note = (what: string, { longestFreeze: freeze, leftOut, reloads }: Watched): void => {
    seen.push(`${what}: longest freeze ${freeze} ms, media from frame to frame over it ${leftOut} s, reloads ${reloads}`);
  };

  it.each([
    ['hls', 'SIGKILL'],
    ['hls', 'SIGSTOP'],
    ['dash', 'SIGKILL'],
    ['dash', 'SIGSTOP'],
    ['webrtc', 'SIGKILL'],
    ['webrtc', 'SIGSTOP'],
  ] as const)('has the picture back within 2 s at the other, without a reload (%s, %s)', async (engine, signal) => {
    const watched = await watchThrough(engine, () => (signal === 'SIGKILL' ? edge.kill() : edge.pause()));
    note(`${engine}, ${signal}`, watched);
    expect(watched).toMatchObject({ reloads: 0, engine, state: 'playing' });
    expect(watched.edge.moves).toMatchObject([{ edge: nameOf(other), because: 'lost' }]);
    expect(watched.longestFreeze).toBeLessThan(longestFreeze);
  });

  it.each(['hls', 'dash', 'webrtc'])('goes to the other without a glitch when its own drains (%s)', async (engine) => {
    const watched = await watchThrough(engine, () => edge.stop());
    note(`${engine}, SIGTERM`, watched);
    expect(watched).toMatchObject({ reloads: 0, engine, state: 'playing' });
    expect(watched.edge.moves).toMatchObject([{ edge: nameOf(other), because: 'draining' }]);
    expect(watched.longestFreeze).toBeLessThan(500);
  });
});
