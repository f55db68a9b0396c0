import { once } from 'node:events';
import { Agent, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Stands before an edge, passes everything on as it comes, and counts. */
export type CountingProxy = {
  readonly port: number;
  /** Requests by their target, path and query. */
  readonly counts: ReadonlyMap<string, number>;
  /** Forgets what was counted. */
  reset(): void;
  /** Breaks all connections and takes none: as an edge does that was killed. */
  kill(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
};

/** Starts one, on a port of the system's choice. `headers` are added to each answer. */
export async function startCountingProxy(port: number, headers: Readonly<Record<string, string>> = {}): Promise<CountingProxy> {
  const counts = new Map<string, number>();
  const agent = new Agent({ keepAlive: true });
  const server = createServer({ noDelay: true }, (from, to) => {
    const target = from.url ?? '';
    counts.set(target, (counts.get(target) ?? 0) + 1);
    const onward = request({ host: '127.0.0.1', port, agent, method: from.method, path: target, headers: from.headers }, (answer) => {
      to.writeHead(answer.statusCode ?? 502, { ...answer.headers, ...headers });
      answer.pipe(to);
      answer.once('error', () => to.destroy());
    });
    onward.once('error', () => to.destroy());
    to.once('close', () => onward.destroy());
    from.pipe(onward);
  });
  server.keepAliveTimeout = 120_000;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const kill = async (): Promise<void> => {
    agent.destroy();
    const closed = server.listening ? once(server, 'close') : undefined;
    server.close();
    server.closeAllConnections();
    await closed;
  };
  return { port: (server.address() as AddressInfo).port, counts, reset: () => counts.clear(), kill, [Symbol.asyncDispose]: kill };
}
