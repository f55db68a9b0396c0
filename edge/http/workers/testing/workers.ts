import { request, type ClientRequest, type IncomingMessage } from 'node:http';
import type { Worker } from 'node:worker_threads';

import { testEdge } from '../../testing/edge.ts';

type Edge = Awaited<ReturnType<typeof testEdge>>;

/** An edge with HTTP workers, and the threads that it has started so far. */
export async function workerEdge(config: Parameters<typeof testEdge>[0] = {}, deps: Parameters<typeof testEdge>[1] = {}): Promise<Edge & { readonly threads: readonly Worker[] }> {
  const threads: Worker[] = [];
  const seen = (worker: Worker): void => void threads.push(worker);
  process.on('worker', seen);
  const edge = await testEdge({ httpWorkers: 2, ...config }, deps);
  edge.edge.closed.finally(() => process.off('worker', seen)).catch(() => undefined);
  return { ...edge, threads };
}

/** The value of a sample in a registry's text; undefined where there is none. */
export async function sample({ metrics }: Pick<Edge, 'metrics'>, name: string): Promise<number | undefined> {
  const line = (await metrics.metrics()).split('\n').find((candidate) => candidate.startsWith(`${name} `));
  return line === undefined ? undefined : Number(line.slice(name.length));
}

/** Asks and gives the answer when its head is there. */
export function begin(port: number, path: string, { method = 'GET', headers = {}, body }: { method?: string; headers?: Record<string, string>; body?: string } = {}): Promise<{ readonly asked: ClientRequest; readonly answer: IncomingMessage }> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path, method, headers, agent: false }, (answer) => resolve({ asked, answer }));
    asked.on('error', reject);
    asked.end(body);
  });
}
