import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { startCluster, type ClusterNode } from '#test/cluster/cluster.ts';
import { makeClip } from '#test/support/broadcaster.ts';
import { usageOf } from '#test/support/processes.ts';
import { until } from '#test/support/until.ts';

import { newestOf } from '#test/soak/streams.ts';

/** What many broadcasts cost one process. */
export type BroadcastsResult = {
  readonly process: string;
  /** Cores, for all of them together, while nobody watches and while one viewer watches each. */
  readonly unwatched: number;
  readonly watched: number;
  readonly rssMegabytes: number;
};

/** Options of {@link measureBroadcasts}. */
export type BroadcastsOptions = { readonly broadcasts: number; readonly seconds: number };

const nodes: Readonly<Record<string, ClusterNode>> = { control: { role: 'control' }, ingest: { role: 'ingest' }, transcode: { role: 'transcode' }, edge: { role: 'edge' } };

/** Broadcasts of 640x360 at 30 fps and 0.9 Mbit/s, passed through: RTMP in at one process, LL-HLS out of another, NATS between them. */
export async function measureBroadcasts({ broadcasts, seconds }: BroadcastsOptions): Promise<readonly BroadcastsResult[]> {
  const keys = Array.from({ length: broadcasts }, (_, i) => `b${i}_0123456789abcdef`);
  await using cluster = await startCluster({ nodes, config: { streamKeys: keys, ladder: 'source', maxPublishers: broadcasts, rtmpMaxConnectionsPerAddress: broadcasts } });
  await using clip = await makeClip();
  const { rtmpPort } = cluster.node('ingest');
  const edge = cluster.node('edge').url;
  const publishers = fork(fileURLToPath(new URL('publishers.ts', import.meta.url)), ['127.0.0.1', `${rtmpPort}`, clip.path, `${seconds * 2 + 120}`, keys.join(',')]);
  try {
    await Promise.race([once(publishers, 'message'), once(publishers, 'exit').then(() => Promise.reject(new Error('the broadcasters could not begin')))]);
    await until('every broadcast', async () => (await live(edge)) === broadcasts, { deadline: 60_000, every: 500 });
    const processes = new Map([...cluster.names.map((name) => [name, cluster.node(name).process().pid ?? 0] as const), ['nats-server', cluster.nats.pid ?? 0]]);
    const unwatched = await load(processes, seconds);
    const streams = keys.map((key) => key.slice(0, key.indexOf('_')));
    const stop = new AbortController();
    const viewers = streams.map((stream) => watch(edge, stream, stop.signal));
    await Promise.all(streams.map((stream) => until(`${stream} at the edge`, () => newestOf(edge, stream), { deadline: 60_000 })));
    const watched = await load(processes, seconds);
    stop.abort();
    await Promise.all(viewers);
    return Promise.all(
      [...processes].map(async ([process, pid]) => ({
        process,
        unwatched: unwatched.get(process) ?? 0,
        watched: watched.get(process) ?? 0,
        rssMegabytes: (await usageOf(pid)).rss / 1e6,
      })),
    );
  } finally {
    publishers.kill();
  }
}

async function live(edge: string): Promise<number> {
  const { streams } = (await (await fetch(`${edge}/api/v1/streams`)).json()) as { streams: readonly { state: string; renditions?: readonly unknown[] }[] };
  return streams.filter(({ state }) => state === 'live').length;
}

/** Cores of each process over a time. */
async function load(processes: ReadonlyMap<string, number>, seconds: number): Promise<ReadonlyMap<string, number>> {
  const read = async (): Promise<ReadonlyMap<string, number>> => new Map(await Promise.all([...processes].map(async ([name, pid]) => [name, (await usageOf(pid)).cpuSeconds] as const)));
  const began = performance.now();
  const before = await read();
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const after = await read();
  const passed = (performance.now() - began) / 1000;
  return new Map([...after].map(([name, cpu]) => [name, (cpu - (before.get(name) ?? 0)) / passed]));
}

/** One viewer: the newest playlist held until it changes, then its last part, for picture and sound. */
async function watch(edge: string, stream: string, signal: AbortSignal): Promise<void> {
  const master = `${edge}/live/${stream}/master.m3u8`;
  const fetched = async (url: string): Promise<Response> => fetch(url, { signal });
  try {
    const text = await (await fetched(master)).text();
    const playlists = [...text.matchAll(/^(?!#)(\S+\.m3u8\S*)$|URI="([^"]+\.m3u8[^"]*)"/gm)].map(([, variant, media]) => new URL(variant ?? media ?? '', master).href);
    await Promise.all(playlists.map((url) => follow(url, fetched, signal)));
  } catch (error) {
    if (!signal.aborted) {
      throw error;
    }
  }
}

async function follow(url: string, fetched: (url: string) => Promise<Response>, signal: AbortSignal): Promise<void> {
  let query = '';
  let last = '';
  while (!signal.aborted) {
    const text = await (await fetched(`${url}${query}`)).text();
    const hint = /^#EXT-X-PRELOAD-HINT:.*URI="(?:[^"]*\/)?(\d+)\.(\d+)\.m4s"/m.exec(text);
    query = hint === null ? '' : `?_HLS_msn=${hint[1]}&_HLS_part=${hint[2]}`;
    const part = [...text.matchAll(/^#EXT-X-PART:.*URI="([^"]+)"/gm)].at(-1)?.[1];
    if (part !== undefined && part !== last) {
      last = part;
      await (await fetched(new URL(part, url).href)).arrayBuffer();
    }
  }
}
