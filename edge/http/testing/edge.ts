import { request, type IncomingHttpHeaders } from 'node:http';
import { gunzipSync } from 'node:zlib';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { z } from 'zod';

import { createLocalBus } from '#core/bus/local/local-bus.ts';
import { commonOptions } from '#core/runtime/config/common.ts';

import { edgeOptions, type EdgeConfig } from '../../config.ts';
import { startEdge, type EdgeDeps } from '../../main.ts';

/** The defaults of every option, on ports of the system's choice; nothing is kept on disk. */
export function testConfig(more: Partial<EdgeConfig> = {}): EdgeConfig {
  const table = { ...commonOptions, ...edgeOptions };
  const schema = z.object(Object.fromEntries(Object.entries(table).map(([key, option]) => [key, option.schema])));
  return { ...(schema.parse({ host: '127.0.0.1', httpPort: 0, httpsPort: 0, playerDir: '/nonexistent', rewindWindow: 0, recording: false }) as unknown as EdgeConfig), ...more };
}

/** An edge on a bus of its own. */
export async function testEdge(config: Partial<EdgeConfig> = {}, deps: Partial<EdgeDeps> = {}) {
  const bus = deps.bus ?? createLocalBus();
  const metrics = new Registry();
  const edge = await startEdge({ config: testConfig(config), bus, log: pino({ level: 'silent' }), metrics, apps: [], ...deps });
  return { edge, bus, metrics, get: getter(edge.httpPort) };
}

/** An answer, its body unpacked. */
export type Answer = { readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: Buffer; readonly text: string };

/** Asks one server over HTTP/1.1, a connection for each request. */
export function getter(port: number) {
  return (path: string, { method = 'GET', headers = {} }: { method?: string; headers?: Record<string, string> } = {}): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const asked = request({ host: '127.0.0.1', port, path, method, headers, agent: false }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const raw = Buffer.concat(chunks);
          const body = response.headers['content-encoding'] === 'gzip' && raw.length > 0 ? gunzipSync(raw) : raw;
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body, text: body.toString() });
        });
      });
      asked.on('error', reject);
      asked.end();
    });
}

/** Waits until a condition holds, looking at every turn of the event loop. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}
