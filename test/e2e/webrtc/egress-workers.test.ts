import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { shownColour, startBrowser } from '#test/support/browser.ts';
import { publishNatively, watchNatively } from '#test/support/native-webrtc.ts';
import { startPublisher } from '#test/support/publisher.ts';
import { startServer, type TestServer } from '#test/support/server.ts';
import { until } from '#test/support/until.ts';

import { statsOf } from './watching.ts';

const key = 'cam_0123456789abcdef';

async function metricsOf({ url, dataDir }: TestServer): Promise<string> {
  const token = (await readFile(join(dataDir, 'api-token'), 'utf8')).trim();
  return (await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${token}` } })).text();
}

function valueOf(metrics: string, name: string): number {
  return Number(metrics.split('\n').find((line) => line.startsWith(`${name} `))?.split(' ').at(-1));
}

describe('egress on worker threads', () => {
  it('shows the picture to four viewers, two from each of two threads, and ends cleanly', async () => {
    await using server = await startServer({ config: { streamKeys: [key], ladder: 'source', egressWorkers: 2 } });
    const publisher = await publishNatively({ url: `${server.url}/whip`, key });
    const first = await until('a viewer to be let in', () => watchNatively(`${server.url}/whep/cam`).catch(() => undefined));
    const viewers = [first, ...(await Promise.all([1, 2, 3].map(() => watchNatively(`${server.url}/whep/cam`))))];
    await until('pictures for all', () => viewers.every(({ pictures }) => pictures > 30));
    for (const luma of [40, 200]) {
      publisher.paint(luma);
      await until(`pictures of luma ${luma}`, () => viewers.every((viewer) => Math.abs((viewer.luma ?? 0) - luma) < 12));
    }
    await until('the tone', () => viewers.every(({ loudness }) => Math.abs((loudness ?? 0) - 0.3535) < 0.07));
    const metrics = await until('the threads to have told of their sessions', async () => {
      const text = await metricsOf(server);
      // The publisher is the main thread's.
      return valueOf(text, 'millrace_rtc_sessions{state="connected"}') === 5 ? text : undefined;
    });
    expect([1, 2].map((worker) => valueOf(metrics, `millrace_whep_worker_viewers{worker="${worker}"}`))).toEqual([2, 2]);
    expect(valueOf(metrics, 'millrace_whep_worker_restarts_total')).toBe(0);
    expect(valueOf(metrics, 'millrace_whep_packets_total')).toBeGreaterThan(100);
    expect(valueOf(metrics, 'millrace_rtc_packets_sent_total{protocol="udp"}')).toBeGreaterThan(100);
    await viewers[0]?.stop();
    await until('a viewer less', async () => valueOf(await metricsOf(server), 'millrace_whep_viewers') === 3);
    expect(await server.stop()).toBe(0);
    await Promise.all([...viewers.slice(1), publisher].map((one) => one.stop()));
  });

  it('shows an RTMP source in a browser, and the next one when the publisher returns', async () => {
    await using server = await startServer({ config: { streamKeys: [key], ladder: 'source', egressWorkers: 1 } });
    await using publisher = startPublisher({ url: server.publishUrl(key), colour: 'red' });
    const browser = await startBrowser();
    try {
      const page = await browser.newPage();
      await page.goto(`${server.url}/watch/cam?engine=webrtc`);
      await until('red', async () => ((await shownColour(page))?.red ?? 0) > 200, { deadline: 30_000 });
      await publisher.kill();
      await using _blue = startPublisher({ url: server.publishUrl(key), colour: 'blue' });
      await until('blue', async () => ((await shownColour(page))?.blue ?? 0) > 200, { deadline: 30_000 });
      expect((await statsOf(page))?.engine).toBe('webrtc');
    } finally {
      await browser.close();
    }
  });
});
