import { createHash } from 'node:crypto';

import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { makeClip, startBroadcaster, type Broadcaster, type Clip } from '#test/support/broadcaster.ts';
import { startBrowser } from '#test/support/browser.ts';
import { until } from '#test/support/until.ts';

import { newestOf, watchStream } from '../soak/streams.ts';
import { knownNodes, startCluster, type Cluster } from './cluster.ts';
import { openViewer } from './viewer.ts';

const key = 'main_0123456789abcdef';
const config = { streamKeys: [key], ladder: [{ height: 360, bitrate: '800k' }, { height: 240, bitrate: '350k' }] };

describe('edges of a running broadcast', () => {
  let cluster: Cluster;
  let clip: Clip;
  let broadcaster: Broadcaster;
  let browser: Browser;

  beforeAll(async () => {
    [clip, browser] = await Promise.all([makeClip(), startBrowser()]);
    cluster = await startCluster({
      nodes: { 'control-1': { role: 'control' }, 'ingest-1': { role: 'ingest' }, 'transcode-1': { role: 'transcode' }, 'edge-1': { role: 'edge' }, 'edge-2': { role: 'edge' } },
      config,
    });
    broadcaster = startBroadcaster({ clip, urls: [cluster.node('ingest-1').publishUrl(key)], seconds: 600 });
    await until('the broadcast', () => newestOf(cluster.node('edge-1').url, 'main'), { deadline: 30_000 });
  });

  afterAll(async () => {
    await browser?.close();
    await broadcaster?.[Symbol.asyncDispose]();
    await cluster?.[Symbol.asyncDispose]();
    await clip?.[Symbol.asyncDispose]();
  });

  /** Bytes that NATS sent to the media connection of a process so far, by the server's own count. */
  async function mediaBytes(node: string): Promise<number> {
    const { connections } = (await cluster.nats.monitor('/connz?limit=1000')) as { connections: readonly { name?: string; out_bytes: number }[] };
    const found = connections.find(({ name }) => name === `millrace ${node} media`);
    if (found === undefined) {
      throw new Error(`${node} has no media connection`);
    }
    return found.out_bytes;
  }

  /** Bytes in two seconds. */
  async function mediaRate(node: string): Promise<number> {
    const before = await mediaBytes(node);
    await new Promise((resolve) => setTimeout(resolve, 2000));
    return (await mediaBytes(node)) - before;
  }

  it('get no media while nobody watches there, and none again 10 s after the last viewer', async () => {
    await until('edge-1 to let go', async () => (await mediaRate('edge-1')) === 0, { deadline: 40_000 });
    const viewer = watchStream(cluster.node('edge-2').url, 'main');
    await until('edge-2 to get media', async () => (await mediaRate('edge-2')) > 100_000);
    expect(await mediaRate('edge-1')).toBe(0);
    await viewer.stop();
    await until('edge-2 to let go', async () => (await mediaRate('edge-2')) === 0, { deadline: 40_000 });
  });

  it('have equal bytes under every URL, whenever they began', async () => {
    const [first, second] = ['edge-1', 'edge-2'].map((name) => cluster.node(name).url);
    const early = watchStream(first ?? '', 'main');
    await until('edge-1 to have a full playlist', async () => (await mediaUrls(first ?? '')).length > 20, { deadline: 30_000 });
    await new Promise((resolve) => setTimeout(resolve, 7000));
    // The second begins now: what it makes of the backlog is what the first made as it came.
    const paths = await mediaUrls(second ?? '');
    const known = new Set(await mediaUrls(first ?? ''));
    const common = paths.filter((path) => known.has(path));
    expect(common.length).toBeGreaterThan(20);
    const hashes = async (edge: string): Promise<readonly string[]> => Promise.all(common.map(async (path) => `${path} ${await hashOf(`${edge}${path}`)}`));
    expect(await hashes(second ?? '')).toEqual(await hashes(first ?? ''));
    await early.stop();
  });

  it('send their viewers to another when they are told to stop, and end once they have gone', async () => {
    const leaving = cluster.node('edge-1');
    const viewers = { hls: await openViewer(browser, `${leaving.url}/watch/main?engine=hls`), webrtc: await openViewer(browser, `${leaving.url}/watch/main?engine=webrtc`) };
    for (const viewer of Object.values(viewers)) {
      await until('a picture', async () => (await viewer.seen()).pictures > 90, { deadline: 30_000 });
    }
    const before = { hls: await viewers.hls.seen(), webrtc: await viewers.webrtc.seen() };
    expect(await leaving.stop()).toBe(0);
    for (const [engine, viewer] of Object.entries(viewers)) {
      const { pictures } = await viewer.seen();
      await until(`${engine} to go on`, async () => (await viewer.seen()).pictures > pictures + 90, { deadline: 30_000 });
      expect(viewer.reloads).toBe(0);
      const { freezes } = await viewer.seen();
      const since = before[engine as 'hls' | 'webrtc'].now;
      process.stdout.write(`drained edge, ${engine}: frozen ${freezes.filter(({ at }) => at > since).reduce((sum, { length }) => sum + length, 0).toFixed(0)} ms\n`);
      await viewer.close();
    }
    await until('edge-1 to be forgotten', async () => !(await knownNodes(cluster.node('control-1'))).includes('edge-1'));
    await leaving.start();
  });

  it('answer nobody with what they are not: WHIP goes to an ingest by 307', async () => {
    const answer = await fetch(`${cluster.node('edge-2').url}/whip/main`, { method: 'POST', headers: { 'Content-Type': 'application/sdp', Authorization: `Bearer ${key}` }, body: 'v=0\r\n', redirect: 'manual' });
    expect(answer.status).toBe(307);
    expect(answer.headers.get('location')).toMatch(new RegExp(`^${cluster.node('ingest-1').url.replace('127.0.0.1', '(127.0.0.1|localhost)')}/whip/main\\?via=edge-2$`));
  });

  /** Paths of all init segments, parts and segments that the playlists of an edge name. */
  async function mediaUrls(edge: string): Promise<readonly string[]> {
    const master = `${edge}/live/main/master.m3u8`;
    const playlists = linesOf(await (await fetch(master)).text()).filter((line) => line.includes('.m3u8'));
    const texts = await Promise.all(playlists.map(async (line) => ({ url: new URL(line, master).href, text: await (await fetch(new URL(line, master))).text() })));
    return texts.flatMap(({ url, text }) => linesOf(text.replaceAll(/^#EXT-X-(PRELOAD-HINT|RENDITION-REPORT).*$/gm, '')).map((line) => new URL(line, url).pathname));
  }
});

function linesOf(playlist: string): readonly string[] {
  return [...playlist.matchAll(/^(?!#)(\S+)$|URI="([^"]+)"/gm)].map(([, line, uri]) => line ?? uri ?? '');
}

async function hashOf(url: string): Promise<string> {
  const response = await fetch(url);
  return response.ok ? createHash('sha256').update(new Uint8Array(await response.arrayBuffer())).digest('hex') : `${response.status}`;
}
