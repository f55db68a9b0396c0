import type { Browser } from 'playwright-core';

import { startNatsServer } from '#core/bus/nats/testing/nats-server.ts';
import { startCluster, type Cluster } from '#test/cluster/cluster.ts';
import { startBrowser } from '#test/support/browser.ts';
import { makeNetwork } from '#test/support/network/network.ts';
import { startServer } from '#test/support/server.ts';
import { until } from '#test/support/until.ts';

import { measureGlass, type GlassResult } from '../glass/glass.ts';
import { startClockPublisher } from '../support/clock-publisher.ts';

/** Glass to glass through an edge in another region, beside one process on one machine. */
export type RegionResult = GlassResult & {
  /** One way between the regions, in milliseconds; undefined: one machine, one process. */
  readonly oneWay: number | undefined;
  readonly loss: number;
  readonly crossing?: Crossing;
};

/** What lies between the regions. */
export type Distance = { readonly oneWay: number; readonly loss: number };

/** How media crosses it. */
export type Crossing = {
  /** How the region of the origin sends TCP (`net.ipv4.tcp_congestion_control`). */
  readonly congestionControl: string;
  /** `natsMediaLines` of the edge. */
  readonly lines: number;
};

const key = 'far_0123456789abcdef';
const config = { streamKeys: [key], ladder: 'source' };
const ENGINES = ['webrtc', 'hls'] as const;

/**
 * Ingest, control, transcoder and NATS in one region, edge and viewer in another: packets between them take so long and are lost so often, in both directions. The same clock is in
 * both, so glass to glass is exact.
 */
export async function measureRegions(crossings: readonly (Crossing & { readonly distances: readonly Distance[] })[], seconds: number): Promise<readonly RegionResult[]> {
  const results: RegionResult[] = [];
  for (const engine of ENGINES) {
    results.push({ ...(await measureAlone(engine, seconds)), oneWay: undefined, loss: 0 });
  }
  for (const { distances, ...crossing } of crossings) {
    results.push(...(await measureCrossing(crossing, distances, seconds)));
  }
  return results;
}

async function measureCrossing(crossing: Crossing, distances: readonly Distance[], seconds: number): Promise<readonly RegionResult[]> {
  const results: RegionResult[] = [];
  const { congestionControl, lines } = crossing;
  await using network = await makeNetwork(7, { serverSide: 'here', congestionControl });
  const nats = await startNatsServer({ host: network.serverAddress });
  const far = { address: network.clientAddress, command: network.command('client'), cut: () => Promise.resolve(), restore: () => Promise.resolve() };
  try {
    await using cluster = await startCluster({
      nats,
      nodes: { control: { role: 'control' }, ingest: { role: 'ingest' }, transcode: { role: 'transcode' }, edge: { role: 'edge', config: { region: 'far', natsMediaLines: lines } } },
      config,
      machines: { edge: far },
    });
    const publisher = startClockPublisher({ url: cluster.node('ingest').publishUrl(key) });
    const browser = await startBrowser({ network });
    try {
      for (const distance of distances) {
        network.impair('both', { delayMillis: distance.oneWay, loss: distance.loss });
        results.push(...(await measureFar(browser, cluster, distance, seconds)).map((result) => ({ ...result, crossing })));
      }
    } finally {
      network.impair('both', {});
      await browser.close();
      await publisher.stop();
    }
  } finally {
    await nats.stop();
  }
  return results;
}

async function measureFar(browser: Browser, cluster: Cluster, distance: Distance, seconds: number): Promise<readonly RegionResult[]> {
  const { url } = cluster.node('edge');
  // The edge is asked inside its own region.
  await until('the broadcast at the far edge', () => cluster.node('edge').log().includes('is ready'), { deadline: 60_000 });
  const results: RegionResult[] = [];
  for (const engine of ENGINES) {
    results.push({ ...(await measureGlass(browser, `${engine}, ${distance.oneWay} ms one way, ${distance.loss * 100} % lost`, `${url}/watch/far?engine=${engine}`, seconds)), ...distance });
  }
  return results;
}

async function measureAlone(engine: string, seconds: number): Promise<GlassResult> {
  await using server = await startServer({ config });
  const publisher = startClockPublisher({ url: server.publishUrl(key) });
  const browser = await startBrowser();
  try {
    await until('the broadcast', async () => (await fetch(`${server.url}/live/far/master.m3u8`)).ok, { deadline: 30_000 });
    return await measureGlass(browser, `${engine}, one process`, `${server.url}/watch/far?engine=${engine}`, seconds);
  } finally {
    await browser.close();
    await publisher.stop();
  }
}
