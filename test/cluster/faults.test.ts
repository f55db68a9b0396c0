import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { startBroadcaster, makeClip, type Broadcaster, type Clip } from '#test/support/broadcaster.ts';
import { startBrowser } from '#test/support/browser.ts';
import { makeSwitch, whyNoSwitch, type TestSwitch } from '#test/support/network/switch.ts';
import { until } from '#test/support/until.ts';

import { startCluster, STANDARD_NODES, type Cluster } from './cluster.ts';
import { edgeInUse, encodingNode, renderTable, sufferFault, type Fault, type FaultRow } from './faults.ts';
import { GapCollector } from './missing-groups.ts';
import { openViewer, type Viewer } from './viewer.ts';

const key = 'main_0123456789abcdef';
/** A rung that is encoded and one that is not: viewers of both are there. */
const config = { streamKeys: [key], ladder: [{ height: 360, bitrate: '800k' }, { height: 240, bitrate: '350k' }] };

const whyNot = await whyNoSwitch();

if (whyNot !== undefined) {
  process.stderr.write(`\n*** Left out: processes that are cut off (${whyNot}). They need root on Linux.\n\n`);
}

describe('a live broadcast over many processes', () => {
  const rows: FaultRow[] = [];
  /** Undefined where this machine cannot make one: then nobody is cut off. */
  let network: TestSwitch | undefined;
  let cluster: Cluster;
  let clip: Clip;
  let broadcaster: Broadcaster;
  let browser: Browser;
  let viewers: Record<string, Viewer>;
  let gaps: GapCollector;

  beforeAll(async () => {
    [network, clip, browser] = await Promise.all([whyNot === undefined ? makeSwitch() : undefined, makeClip(), startBrowser()]);
    cluster = await startCluster({ nodes: STANDARD_NODES, config, ...(network === undefined ? {} : { network }) });
    broadcaster = startBroadcaster({ clip, urls: [cluster.node('ingest-1').publishUrl(key)], seconds: 1200 });
    const edge = cluster.node('edge-1').url;
    await until('the stream to be on air', async () => (await fetch(`${edge}/live/main/master.m3u8`)).ok, { deadline: 30_000 });
    gaps = new GapCollector(cluster.node('edge-2').url, 'main');
    viewers = {
      'LL-HLS': await openViewer(browser, `${edge}/watch/main?engine=hls`),
      'LL-HLS, encoded rung': await openViewer(browser, `${edge}/watch/main?engine=hls`, 240),
      WebRTC: await openViewer(browser, `${edge}/watch/main?engine=webrtc`),
    };
    for (const [name, viewer] of Object.entries(viewers)) {
      await until(`${name} to play`, async () => (await viewer.seen()).pictures > 60, { deadline: 30_000 });
    }
  });

  afterAll(async () => {
    process.stdout.write(`\n${renderTable(rows)}\n\n`);
    await gaps?.[Symbol.asyncDispose]();
    await browser?.close();
    await broadcaster?.[Symbol.asyncDispose]();
    await cluster?.[Symbol.asyncDispose]();
    await clip?.[Symbol.asyncDispose]();
    await network?.[Symbol.asyncDispose]();
  });

  /** The process that a case is about: of several the one that has the work now. */
  async function targetOf(name: string): Promise<string> {
    if (name === 'transcoder') {
      return encodingNode(cluster);
    }
    return name === 'edge' ? edgeInUse(cluster, viewers) : name;
  }

  const cases: readonly (readonly [string, Fault])[] = [
    ['control-1', 'kill -9'], ['control-1', 'stop'], ['control-1', 'cut off'],
    ['transcoder', 'kill -9'], ['transcoder', 'stop'], ['transcoder', 'cut off'],
    ['ingest-1', 'kill -9'], ['ingest-1', 'stop'], ['ingest-1', 'cut off'],
    ['nats', 'kill -9'], ['nats', 'stop'],
    ['edge', 'kill -9'], ['edge', 'stop'], ['edge', 'cut off'],
  ];

  it.each(cases.filter(([, fault]) => fault !== 'cut off' || whyNot === undefined))('is there again for every viewer, without a reload: %s, %s', async (name, fault) => {
    const target = await targetOf(name);
    const row = await sufferFault({ cluster, viewers, target, fault, gaps });
    rows.push({ ...row, target: name });
    expect(row.sights.map(({ viewer, reloads }) => [viewer, reloads])).toEqual(Object.keys(viewers).map((viewer) => [viewer, 0]));
  });
});
