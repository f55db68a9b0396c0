import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { childrenOf, usageOf } from '#test/support/processes.ts';
import { startServer } from '#test/support/server.ts';
import { until } from '#test/support/until.ts';

import { startClockPublisher } from '../support/clock-publisher.ts';

/** What a broadcast costs, by process. */
export type CostResult = {
  readonly process: string;
  /** Cores. */
  readonly cpu: number;
  readonly rssMegabytes: number;
};

/** Options of {@link measureCost}. */
export type CostOptions = {
  readonly seconds: number;
  readonly viewers: number;
};

const key = 'cost_0123456789abcdef';
const ladder = [
  { height: 720, bitrate: '2.5M' },
  { height: 480, bitrate: '1.2M' },
  { height: 360, bitrate: '700k' },
];

/** One 720p30 broadcast of three rungs (one passed through, two encoded) with LL-HLS viewers: our process beside ffmpeg's. */
export async function measureCost({ seconds, viewers }: CostOptions): Promise<CostResult[]> {
  await using server = await startServer({ config: { streamKeys: [key], ladder } });
  const publisher = startClockPublisher({ url: server.publishUrl(key), width: 1280, height: 720, kilobits: 2500 });
  try {
    const master = await until('the broadcast', async () => {
      const answer = await fetch(`${server.url}/live/cost/master.m3u8`);
      return answer.ok ? await answer.text() : undefined;
    });
    const [base = ''] = /[a-z0-9]+\/video(?=\/)/.exec(master) ?? [];
    const client = fork(fileURLToPath(new URL('../load/viewers.ts', import.meta.url)), [server.httpPort, viewers, seconds, `/live/cost/${base.split('/')[0]}`].map(String));
    const gone = once(client, 'exit');
    await once(client, 'message');
    const pid = server.process().pid ?? 0;
    const [encoder = 0] = await childrenOf(pid, 'ffmpeg');
    const before = [await usageOf(pid), await usageOf(encoder)];
    const began = performance.now();
    await once(client, 'message');
    const passed = (performance.now() - began) / 1000;
    const after = [await usageOf(pid), await usageOf(encoder)];
    await gone;
    return ['millrace', 'ffmpeg'].map((process, i) => ({
      process,
      cpu: ((after[i]?.cpuSeconds ?? 0) - (before[i]?.cpuSeconds ?? 0)) / passed,
      rssMegabytes: (after[i]?.rss ?? 0) / 1e6,
    }));
  } finally {
    await publisher.stop();
  }
}
