import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import type { LoadReport } from './viewers.ts';

/** One row of the load benchmark. */
export type LoadResult = {
  readonly viewers: number;
  readonly requestsPerSecond: number;
  readonly megabitsPerSecond: number;
  /** Of the server's process, in cores. */
  readonly cpu: number;
  readonly rssMegabytes: number;
  readonly errors: number;
  /** Milliseconds from part available to part received. */
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
};

const SECONDS = 20;

/** Measures one edge, on so many worker threads, with so many simulated LL-HLS viewers, each side in a process of its own. */
export async function measureLoad(viewers: number, { httpWorkers = 0 }: { readonly httpWorkers?: number } = {}): Promise<LoadResult> {
  const server = start('server.ts', [httpWorkers]);
  try {
    const { port } = await answer<{ port: number }>(server);
    const client = start('viewers.ts', [port, viewers, SECONDS]);
    try {
      await answer(client);
      const before = await cpuOf(server);
      const report = await answer<LoadReport>(client);
      const after = await cpuOf(server);
      const at = (part: number): number => report.ages[Math.min(report.ages.length - 1, Math.floor(report.ages.length * part))] ?? Number.NaN;
      return {
        viewers,
        requestsPerSecond: report.requests / report.seconds,
        megabitsPerSecond: (report.bytes * 8) / report.seconds / 1e6,
        cpu: (after.cpuSeconds - before.cpuSeconds) / report.seconds,
        rssMegabytes: after.rss / 1e6,
        errors: report.errors,
        p50: at(0.5),
        p99: at(0.99),
        max: at(1),
      };
    } finally {
      client.kill();
    }
  } finally {
    server.kill();
  }
}

function start(file: string, args: readonly number[]): ChildProcess {
  return fork(fileURLToPath(new URL(file, import.meta.url)), args.map(String), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
}

async function answer<T>(child: ChildProcess): Promise<T> {
  const gone = once(child, 'exit').then(() => {
    throw new Error('a process of the benchmark ended early');
  });
  const [message] = (await Promise.race([once(child, 'message'), gone])) as [T];
  return message;
}

function cpuOf(server: ChildProcess): Promise<{ cpuSeconds: number; rss: number }> {
  const reply = answer<{ cpuSeconds: number; rss: number }>(server);
  server.send('cpu');
  return reply;
}
