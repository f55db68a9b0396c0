import { readdir, readFile } from 'node:fs/promises';

import { usageOf } from '#test/support/processes.ts';

/** What the server used and counted up to a moment. */
export type ServerReading = {
  readonly at: number;
  readonly cpuSeconds: number;
  /** Of the kernel's own threads that take over network work where it piles up: on loopback a part of sending. */
  readonly softirqSeconds: number;
  readonly rss: number;
  /** RTP packets sent to viewers, retransmissions and padding included. */
  readonly packets: number;
  readonly bytes: number;
  /** What the server itself dropped, by reason, and frames it skipped for slow viewers. */
  readonly dropped: Readonly<Record<string, number>>;
  readonly padding: number;
  readonly retransmitted: number;
};

/** Reads usage and metrics of a server. `metrics`: the URL of its metrics. */
export async function readServer(pid: number, metrics: string): Promise<ServerReading> {
  const text = await (await fetch(metrics)).text();
  const values = new Map([...text.matchAll(/^(millrace_\w+(?:\{.*?\})?) (\S+)$/gm)].map((match) => [match[1] ?? '', Number(match[2])]));
  const value = (name: string): number => values.get(name) ?? 0;
  const reasons = [...values].filter(([name]) => name.startsWith('millrace_rtc_datagrams_dropped_total')).map(([name, count]) => [/reason="(.*?)"/.exec(name)?.[1] ?? '', count] as const);
  const { cpuSeconds, rss } = await usageOf(pid);
  return {
    at: performance.now(),
    cpuSeconds,
    softirqSeconds: await softirqSeconds(),
    rss,
    packets: value('millrace_whep_packets_total'),
    bytes: value('millrace_whep_bytes_total'),
    dropped: { ...Object.fromEntries(reasons), 'frames-skipped': value('millrace_whep_frames_skipped_total') },
    padding: value('millrace_whep_padding_total'),
    retransmitted: value('millrace_whep_retransmitted_total'),
  };
}

/** What lies between two readings. */
export function difference(before: ServerReading, after: ServerReading): Omit<ServerReading, 'at'> & { readonly seconds: number } {
  return {
    seconds: (after.at - before.at) / 1000,
    cpuSeconds: after.cpuSeconds - before.cpuSeconds,
    softirqSeconds: after.softirqSeconds - before.softirqSeconds,
    rss: after.rss,
    packets: after.packets - before.packets,
    bytes: after.bytes - before.bytes,
    dropped: Object.fromEntries(Object.entries(after.dropped).map(([reason, count]) => [reason, count - (before.dropped[reason] ?? 0)]).filter(([, count]) => count !== 0)),
    padding: after.padding - before.padding,
    retransmitted: after.retransmitted - before.retransmitted,
  };
}

let threads: Promise<readonly number[]> | undefined;

async function softirqSeconds(): Promise<number> {
  threads ??= findSoftirqThreads();
  const usages = await Promise.all((await threads).map((pid) => usageOf(pid)));
  return usages.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0);
}

async function findSoftirqThreads(): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry)).map(Number);
  const names = await Promise.all(pids.map(async (pid) => ({ pid, name: await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '') })));
  return names.filter(({ name }) => name.startsWith('ksoftirqd/')).map(({ pid }) => pid);
}
