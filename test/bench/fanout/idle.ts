import { setTimeout } from 'node:timers/promises';

import { usageOf } from '#test/support/processes.ts';
import { startPublisher } from '#test/support/publisher.ts';
import { freePorts, startServer } from '#test/support/server.ts';
import { until } from '#test/support/until.ts';

import { connectInspector, INSPECTED } from './inspector.ts';
import type { SinkCommand, SinkReport } from './sinks.ts';
import { startWorker } from './worker.ts';

/** What connected sessions without media cost. */
export type IdleResult = {
  readonly sessions: number;
  readonly failedJoins: number;
  /** Sessions that the server says are connected at the end. */
  readonly connected: number;
  /** Resident memory before and with them, in bytes, after a collection of garbage each; and with them before the collection. */
  readonly before: number;
  readonly after: number;
  readonly uncollected: number;
  /** Cores that they take: consent checks and timers. */
  readonly cpu: number;
};

const key = 'idle_0123456789abcdef0';
const WARM = 50;

/**
 * Memory of idle sessions: real ones (HTTP, ICE, DTLS, SRTP keys), connected to a broadcast that is picture alone, 256x144 at one frame a
 * second; then its publisher is interrupted and nothing is sent any more.
 */
export async function measureIdle(sessions: number): Promise<IdleResult> {
  const [metricsPort] = await freePorts(2);
  const limits = { maxWhepViewers: 10_000, maxWhepViewersPerAddress: 10_000, maxRtcSessions: 10_000 };
  await using server = await startServer({ config: { streamKeys: [key], ladder: [{ height: 144, bitrate: '100k' }], metricsPort, ...limits }, env: INSPECTED });
  await using publisher = startPublisher({ url: server.publishUrl(key), size: '256x144', frameRate: '1', gop: 2, kilobits: 50, media: 'video', seconds: 170 });
  await until('the broadcast', async () => (await fetch(`${server.url}/live/idle/master.m3u8`)).ok, { deadline: 30_000 });
  const inspector = await connectInspector(() => server.log());
  const sinks = await startWorker<SinkCommand, SinkReport>('sinks.ts', [`${server.url}/whep/idle`, '127.0.0.1', server.webrtcPort, 'whole']);
  const pid = server.process().pid ?? 0;
  const memory = async (): Promise<number> => {
    await inspector.call('HeapProfiler.collectGarbage');
    await setTimeout(500);
    return (await usageOf(pid)).rss;
  };
  try {
    // Code and pools that the first sessions bring are not the sessions' cost.
    await sinks.ask({ kind: 'join', count: WARM, atOnce: 4 });
    await sinks.ask({ kind: 'leave', keep: 0 });
    await setTimeout(1000);
    const before = await memory();
    const report = await sinks.ask({ kind: 'join', count: sessions, atOnce: 8 });
    await publisher.kill();
    await setTimeout(1000);
    const uncollected = await usageOf(pid);
    await setTimeout(4000);
    const later = await usageOf(pid);
    const after = await memory();
    const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
    return {
      sessions: report.sinks,
      failedJoins: report.failedJoins,
      connected: Number(/^millrace_rtc_sessions\{state="connected"\} (\d+)/m.exec(text)?.[1] ?? 0),
      before,
      after,
      uncollected: uncollected.rss,
      cpu: (later.cpuSeconds - uncollected.cpuSeconds) / 4,
    };
  } finally {
    inspector.close();
    sinks.stop();
  }
}
