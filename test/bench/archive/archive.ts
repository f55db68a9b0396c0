import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { usageOf } from '#test/support/processes.ts';
import { startServer } from '#test/support/server.ts';
import { until } from '#test/support/until.ts';

import { startClockPublisher } from '../support/clock-publisher.ts';

/** What keeping a broadcast on disk costs our process. */
export type ArchiveCost = {
  readonly kept: string;
  /** Cores. */
  readonly cpu: number;
  readonly rssMegabytes: number;
  /** Bytes a second by which the data folder grows, and bytes a second that the system was made to send to a disk (proc(5), `io`, `write_bytes`). */
  readonly storedPerSecond: number;
  readonly writtenPerSecond: number;
  /** Longest stop of the event loop, in milliseconds. */
  readonly longestStop: number;
};

const key = 'archive_0123456789abcdef';

/** One rung passed through and one encoded: what is measured is the disk, not the encoder. */
const ladder = [
  { height: 720, bitrate: '2.5M' },
  { height: 360, bitrate: '700k' },
];

const WAYS = {
  'live only': { rewindWindow: 0, recording: 'off' },
  rewind: { rewindWindow: 7200, recording: 'off' },
  'rewind and recording': { rewindWindow: 7200, recording: 'on' },
} as const;

/** One 720p30 broadcast, kept in each way in turn, twice: so that what else the machine does meets them alike. */
export async function measureArchive({ seconds }: { readonly seconds: number }): Promise<ArchiveCost[]> {
  const results: ArchiveCost[] = [];
  for (let round = 0; round < 2; round += 1) {
    for (const kept of Object.keys(WAYS) as (keyof typeof WAYS)[]) {
      results.push(await measureOne(kept, seconds));
    }
  }
  return results;
}

async function measureOne(kept: keyof typeof WAYS, seconds: number): Promise<ArchiveCost> {
  await using server = await startServer({ config: { streamKeys: [key], ladder, ...WAYS[kept] } });
  const publisher = startClockPublisher({ url: server.publishUrl(key), width: 1280, height: 720, kilobits: 2500 });
  try {
    await until('both rungs', async () => /x360/.test(await (await fetch(`${server.url}/live/archive/master.m3u8`)).text()));
    const pid = server.process().pid ?? 0;
    const [usage, stored, written] = [await usageOf(pid), await sizeOf(server.dataDir), await writtenBy(pid)];
    const began = performance.now();
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    const passed = (performance.now() - began) / 1000;
    const [usageAfter, storedAfter, writtenAfter] = [await usageOf(pid), await sizeOf(server.dataDir), await writtenBy(pid)];
    return {
      kept,
      cpu: (usageAfter.cpuSeconds - usage.cpuSeconds) / passed,
      rssMegabytes: usageAfter.rss / 1e6,
      storedPerSecond: (storedAfter - stored) / passed,
      writtenPerSecond: (writtenAfter - written) / passed,
      longestStop: await longestStop(server.url, join(server.dataDir, 'api-token')),
    };
  } finally {
    await publisher.stop();
  }
}

async function writtenBy(pid: number): Promise<number> {
  return Number(/^write_bytes: (\d+)$/m.exec(await readFile(`/proc/${pid}/io`, 'utf8'))?.[1] ?? Number.NaN);
}

/** Bytes of all files in a folder and below. */
async function sizeOf(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const sizes = entries.filter((entry) => entry.isFile()).map(async ({ parentPath, name }) => (await stat(join(parentPath, name)).catch(() => ({ size: 0 }))).size);
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

async function longestStop(url: string, tokenPath: string): Promise<number> {
  const token = (await readFile(tokenPath, 'utf8')).trim();
  const text = await (await fetch(`${url}/metrics`, { headers: { Authorization: `Bearer ${token}` } })).text();
  return Number(/^millrace_nodejs_eventloop_lag_max_seconds (\S+)$/m.exec(text)?.[1] ?? Number.NaN) * 1000;
}
