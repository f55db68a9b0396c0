import { setTimeout } from 'node:timers/promises';

import { usageOf } from '#test/support/processes.ts';
import { startPublisher } from '#test/support/publisher.ts';
import { freePorts, startServer } from '#test/support/server.ts';
import { until } from '#test/support/until.ts';

import type { FullCommand, FullReport } from './full-viewers.ts';
import { difference, readServer } from './server-cost.ts';
import type { SinkCommand, SinkReport } from './sinks.ts';
import { startWorker } from './worker.ts';

/** Full viewers and sinks side by side. */
export type FullResult = {
  readonly full: number;
  readonly sinks: number;
  readonly cpu: number;
  readonly microsecondsWhole: number;
  /** Cores of libwebrtc in the second process, the publisher's encoder included. */
  readonly fullCpu: number;
  readonly picturesPerSecond: number;
  readonly fullPlaying: number;
  readonly fullLost: number;
  readonly fullFreezes: number;
  readonly sinksLost: number;
  readonly dropped: Readonly<Record<string, number>>;
};

const fullKey = 'full_0123456789abcdef0';
const sinkKey = 'fanout_0123456789abcdef';
const SECONDS = 8;

/**
 * Viewers that decode and play, of a broadcast in VP8 that came over WHIP, with sinks of another one in H.264 beside them. The decoders take more
 * of a machine than the server does, so this is about what viewers see, not about the limit.
 */
export async function measureFull(full: number, sinks: number): Promise<FullResult> {
  const [metricsPort] = await freePorts(2);
  const config = { streamKeys: [fullKey, sinkKey], ladder: [{ height: 360, bitrate: '2M' }], metricsPort, webrtcRenditions: 'on', transcodeCapacity: 1 };
  await using server = await startServer({ config });
  await using publisher = startPublisher({ url: server.publishUrl(sinkKey), kilobits: 2000, seconds: 120 });
  const watchers = await startWorker<FullCommand, FullReport>('full-viewers.ts', [`${server.url}/whip`, `${server.url}/whep/full`, fullKey]);
  const crowd = await startWorker<SinkCommand, SinkReport>('sinks.ts', [`${server.url}/whep/fanout`, '127.0.0.1', server.webrtcPort, 'whole']);
  try {
    await until('both broadcasts', async () => (await Promise.all(['full', 'fanout'].map((name) => fetch(`${server.url}/live/${name}/master.m3u8`)))).every(({ ok }) => ok), { deadline: 30_000 });
    await crowd.ask({ kind: 'join', count: sinks, atOnce: 8 });
    await watchers.ask({ kind: 'watch', count: full });
    await setTimeout(4000);
    await crowd.ask({ kind: 'mark' });
    const pids = [server.process().pid ?? 0, watchers.process.pid ?? 0] as const;
    const seenBefore = await watchers.ask({ kind: 'report' });
    const fullBefore = await usageOf(pids[1]);
    const before = await readServer(pids[0], `http://127.0.0.1:${metricsPort}/metrics`);
    await setTimeout(SECONDS * 1000);
    const used = difference(before, await readServer(pids[0], `http://127.0.0.1:${metricsPort}/metrics`));
    const fullAfter = await usageOf(pids[1]);
    const seen = await watchers.ask({ kind: 'report' });
    const crowdSeen = await crowd.ask({ kind: 'report' });
    return {
      full: seen.viewers,
      sinks: crowdSeen.sinks,
      cpu: used.cpuSeconds / used.seconds,
      microsecondsWhole: (used.cpuSeconds * 1e6) / used.packets,
      fullCpu: (fullAfter.cpuSeconds - fullBefore.cpuSeconds) / used.seconds,
      picturesPerSecond: (seen.pictures - seenBefore.pictures) / used.seconds / seen.viewers,
      fullPlaying: seen.playing,
      fullLost: seen.packetsLost - seenBefore.packetsLost,
      fullFreezes: seen.freezes - seenBefore.freezes,
      sinksLost: crowdSeen.lost,
      dropped: used.dropped,
    };
  } finally {
    watchers.stop();
    crowd.stop();
    await publisher.stop();
  }
}
