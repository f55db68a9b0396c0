import { setTimeout } from 'node:timers/promises';

import { usageOf } from '#test/support/processes.ts';
import { startPublisher } from '#test/support/publisher.ts';
import { freePorts, startServer, type TestServer } from '#test/support/server.ts';
import { until } from '#test/support/until.ts';

import { difference, readServer } from './server-cost.ts';
import type { SinkCommand, SinkReport } from './sinks.ts';
import { startWorker, type Worker } from './worker.ts';

/** One step of the fan-out benchmark. */
export type FanoutResult = {
  readonly way: string;
  readonly viewers: number;
  readonly seconds: number;
  readonly packetsPerSecond: number;
  readonly megabitsPerSecond: number;
  /** Cores that the server's process took, all its threads. */
  readonly cpu: number;
  /** Cores that it takes for the same broadcast without viewers. */
  readonly idleCpu: number;
  /** Cores of the kernel's softirq threads, of whatever runs on the machine. */
  readonly softirqCpu: number;
  readonly sinksCpu: number;
  /** Microseconds of the whole process per packet sent, and less what it takes without viewers. */
  readonly microseconds: { readonly whole: number; readonly marginal: number };
  /** Gaps in the sequence numbers that came. */
  readonly lost: number;
  /** Of these, what the sinks' socket had no room for. */
  readonly overflow: number;
  /** What the server says that it dropped, by reason. */
  readonly dropped: Readonly<Record<string, number>>;
  readonly late: SinkReport['late'];
  /** One packet in 64, decrypted and verified by werift. */
  readonly verified: number;
  readonly forged: number;
  readonly ended: number;
  readonly failedJoins: number;
  readonly padding: number;
  readonly rssMegabytes: number;
  /** At this step's cost less what is there without viewers. */
  readonly viewersPerCore: number;
};

/** Options of {@link measureFanout}. */
export type FanoutOptions = {
  readonly way: string;
  /** Of the server. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Numbers of viewers, rising. */
  readonly steps: readonly number[];
  /** Of each step. Default 8. */
  readonly seconds?: number;
  /** Whether the sinks take bursts as the server sent them, or have the kernel cut them as most receivers do. Default true. */
  readonly whole?: boolean;
  readonly env?: Readonly<Record<string, string>>;
  /** Called while the last step's viewers are there. */
  readonly atLargest?: (server: TestServer, viewers: number) => Promise<void>;
};

/** Load at which the server's core is full, ... */
const FULL = 0.95;
/** ... and lateness of all but one in a hundred frames at which it is too, though others on the machine keep it from using its core. */
const LATE_MILLIS = 100;

const key = 'fanout_0123456789abcdef';
const SETTLE_MILLIS = 2500;
/** Joins under way at the same time. */
const JOINS_AT_ONCE = 4;
/** Room for as many as come. */
const LIMITS = { maxWhepViewers: 10_000, maxWhepViewersPerAddress: 10_000, maxRtcSessions: 10_000 };

/** Steps of viewers of one broadcast, 640x360 at 30 fps and 2 Mbit/s with Opus, until the server's core is full. */
export async function measureFanout(options: FanoutOptions): Promise<FanoutResult[]> {
  const [metricsPort] = await freePorts(2);
  const ladder = [{ height: 360, bitrate: '2M' }];
  await using server = await startServer({ config: { streamKeys: [key], ladder, metricsPort, webrtcRenditions: 'on', ...LIMITS, ...options.config }, env: { ...options.env } });
  await using publisher = startPublisher({ url: server.publishUrl(key), kilobits: 2000, seconds: 170 });
  const metrics = `http://127.0.0.1:${metricsPort}/metrics`;
  const pid = server.process().pid ?? 0;
  await until('the broadcast', async () => (await fetch(`${server.url}/live/fanout/master.m3u8`)).ok);
  const sinks = await startWorker<SinkCommand, SinkReport>('sinks.ts', [`${server.url}/whep/fanout`, '127.0.0.1', server.webrtcPort, options.whole === false ? 'cut' : 'whole']);
  try {
    // One viewer warms up what the first needs: Opus, code.
    await sinks.ask({ kind: 'join', count: 1, atOnce: 1 });
    await setTimeout(SETTLE_MILLIS);
    await sinks.ask({ kind: 'leave', keep: 0 });
    const idleCpu = await measureIdle(pid, metrics);
    const results: FanoutResult[] = [];
    for (const viewers of options.steps) {
      const result = await measureStep({ options, server, sinks, pid, metrics, viewers, idleCpu });
      results.push(result);
      process.stderr.write(`${options.way}: ${result.viewers} viewers, ${result.cpu.toFixed(2)} core\n`);
      if (viewers === options.steps.at(-1) || result.cpu >= FULL || result.late.p99 > LATE_MILLIS || result.viewers < viewers || result.lost > 0.001 * result.packetsPerSecond) {
        await options.atLargest?.(server, viewers);
        break;
      }
    }
    return results;
  } finally {
    sinks.stop();
    await publisher.stop();
  }
}

async function measureIdle(pid: number, metrics: string): Promise<number> {
  const before = await readServer(pid, metrics);
  await setTimeout(5000);
  const { cpuSeconds, seconds } = difference(before, await readServer(pid, metrics));
  return cpuSeconds / seconds;
}

type Step = {
  readonly options: FanoutOptions;
  readonly server: TestServer;
  readonly sinks: Worker<SinkCommand, SinkReport>;
  readonly pid: number;
  readonly metrics: string;
  readonly viewers: number;
  readonly idleCpu: number;
};

async function measureStep({ options, sinks, pid, metrics, viewers, idleCpu }: Step): Promise<FanoutResult> {
  const joined = await sinks.ask({ kind: 'report' });
  await sinks.ask({ kind: 'join', count: viewers - joined.sinks, atOnce: JOINS_AT_ONCE });
  await setTimeout(SETTLE_MILLIS);
  const overflowed = (await sinks.ask({ kind: 'mark' })).overflow;
  const sinksBefore = await usageOf(sinks.process.pid ?? 0);
  const before = await readServer(pid, metrics);
  await setTimeout((options.seconds ?? 8) * 1000);
  const used = difference(before, await readServer(pid, metrics));
  const sinksAfter = await usageOf(sinks.process.pid ?? 0);
  const report = await sinks.ask({ kind: 'report' });
  if (report.sinks < viewers) {
    process.stderr.write(`${viewers - report.sinks} viewers did not get in: ${report.error ?? ''}\n`);
  }
  const cpu = used.cpuSeconds / used.seconds;
  return {
    way: options.way,
    viewers: report.sinks,
    seconds: used.seconds,
    packetsPerSecond: used.packets / used.seconds,
    megabitsPerSecond: (used.bytes * 8) / used.seconds / 1e6,
    cpu,
    idleCpu,
    softirqCpu: used.softirqSeconds / used.seconds,
    sinksCpu: (sinksAfter.cpuSeconds - sinksBefore.cpuSeconds) / used.seconds,
    microseconds: { whole: (used.cpuSeconds * 1e6) / used.packets, marginal: ((cpu - idleCpu) * used.seconds * 1e6) / used.packets },
    lost: report.lost,
    overflow: report.overflow - overflowed,
    dropped: used.dropped,
    late: report.late,
    verified: report.verified,
    forged: report.forged,
    ended: report.ended,
    failedJoins: report.failedJoins,
    padding: used.padding,
    rssMegabytes: used.rss / 1e6,
    viewersPerCore: (report.sinks * (1 - idleCpu)) / (cpu - idleCpu),
  };
}
