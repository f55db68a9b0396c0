import { spawnSync } from 'node:child_process';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { startCluster, type Cluster } from '#test/cluster/cluster.ts';
import { startPublisher, type Publisher } from '#test/support/publisher.ts';
import { until } from '#test/support/until.ts';

import { startCountingProxy, type CountingProxy } from './counting-proxy.ts';
import { NGINX, startNginx, type Nginx } from './nginx.ts';
import { fetchFrom, SimulatedViewer } from './simulated-viewer.ts';

const KEY = 'twice_0123456789abcdef';
const hasNats = spawnSync('nats-server', ['--version']).status === 0;

describe.runIf(NGINX !== undefined && hasNats)('nginx as a cache in front of two edges of a cluster', () => {
  let cluster: Cluster;
  let publisher: Publisher;
  let proxies: readonly [CountingProxy, CountingProxy];
  let nginx: Nginx;

  beforeAll(async () => {
    cluster = await startCluster({
      nodes: { 'control-1': { role: 'control', config: { streamKeys: [KEY] } }, 'ingest-1': { role: 'ingest' }, 'transcode-1': { role: 'transcode' }, 'edge-1': { role: 'edge' }, 'edge-2': { role: 'edge' } },
      config: { ladder: 'source', transcodeCapacity: 10 },
    });
    publisher = startPublisher({ url: cluster.node('ingest-1').publishUrl(KEY), size: '320x180', kilobits: 300 });
    proxies = [await startCountingProxy(cluster.node('edge-1').httpPort), await startCountingProxy(cluster.node('edge-2').httpPort)];
    nginx = await startNginx([proxies[0].port, proxies[1].port]);
  });

  afterAll(async () => {
    await publisher?.[Symbol.asyncDispose]();
    await nginx?.[Symbol.asyncDispose]();
    await Promise.all((proxies ?? []).map((proxy) => proxy[Symbol.asyncDispose]()));
    await cluster?.[Symbol.asyncDispose]();
  });

  test('kill -9 of the edge that serves a stream: viewers go on, with the bytes of the other', async () => {
    const cache = `http://127.0.0.1:${nginx.port}`;
    const master = await until('the broadcast', async () => {
      const answer = await fetchFrom(`${cache}/live/twice/master.m3u8`);
      return answer.status === 200 ? answer.body.toString() : undefined;
    }, { deadline: 30_000 });
    const video = new URL(/^[^#\s].*$/m.exec(master)?.[0] ?? '', `${cache}/live/twice/master.m3u8`).pathname;
    const viewers = Array.from({ length: 10 }, () => new SimulatedViewer(cache, video));
    await until('all viewers to be in', () => viewers.every((viewer) => viewer.sighting.playlists.size > 8), { deadline: 30_000 });

    const asked = proxies.map(({ counts }) => [...counts.keys()].filter((target) => target.includes('_HLS_msn')).length);
    // A stream stays with one edge: the other is not even asked.
    expect(asked.filter((count) => count > 0)).toHaveLength(1);
    const name = (asked[0] ?? 0) > 0 ? 'edge-1' : 'edge-2';
    const began = performance.now();
    await cluster.node(name).kill();
    const seen = viewers.map((viewer) => viewer.sighting.playlists.size);
    await until('the next state, for all', () => viewers.every((viewer, i) => viewer.sighting.playlists.size > (seen[i] ?? 0) + 1), { every: 5 });
    const pause = performance.now() - began;
    await until('ten more', () => viewers.every((viewer, i) => viewer.sighting.playlists.size > (seen[i] ?? 0) + 10));
    await Promise.all(viewers.map((viewer) => viewer.stop()));
    process.stdout.write(`kill -9 of ${name} behind nginx: the next two states of the playlist with all viewers after ${pause.toFixed(0)} ms\n`);

    expect(viewers.flatMap(({ sighting }) => sighting.faults)).toEqual([]);
    const hashes = new Map<string, Set<string>>();
    for (const [path, hash] of viewers.flatMap(({ sighting }) => [...sighting.parts])) {
      hashes.set(path, (hashes.get(path) ?? new Set()).add(hash));
    }
    expect([...hashes].filter(([, known]) => known.size !== 1)).toEqual([]);
    expect(pause).toBeLessThan(5000);
  });
});
