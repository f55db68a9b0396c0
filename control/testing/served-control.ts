import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import express from 'express';
import { Registry } from 'prom-client';
import { onTestFinished } from 'vitest';
import { z } from 'zod';

import type { Bus } from '#core/bus/bus.ts';
import { createLocalBus } from '#core/bus/local/local-bus.ts';
import { commonOptions } from '#core/runtime/config/common.ts';
import type { OptionTable } from '#core/runtime/config/option.ts';

import { startControl, controlOptions, type ControlConfig, type ControlOptions, type ControlStage } from '../main.ts';
import { memoryLog } from './memory-log.ts';

/** Secret part of the keys of `cam1` and `cam2`. */
export const SECRET = 'abcdefghijklmnop';

/** A control stage behind a real HTTP server, gone when the test is over. */
export type ServedControl = {
  readonly stage: ControlStage;
  readonly bus: Bus;
  readonly server: Server;
  readonly metrics: Registry;
  readonly config: ControlConfig;
  readonly token: string;
  readonly logged: () => string;
  /** URL of the server, without a slash at its end, base path included. */
  readonly url: string;
  readonly get: (path: string, init?: RequestInit) => Promise<Response>;
  readonly getWithToken: (path: string, init?: RequestInit) => Promise<Response>;
};

/** A configuration of defaults with `given` over them. */
export function configOf(given: Partial<ControlConfig>): ControlConfig {
  const table: OptionTable = { ...commonOptions, ...controlOptions };
  const values = Object.entries(table).map(([name, { schema }]) => [name, schema.parse(undefined)] as const);
  return { ...z.custom<ControlConfig>().parse(Object.fromEntries(values)), ...given };
}

/** Starts a control stage with the streams `cam1` and `cam2`, served under `basePath`. */
export async function serveControl(given: Partial<ControlConfig> = {}, more: Partial<ControlOptions> & { basePath?: string; trustProxy?: string | false } = {}): Promise<ServedControl> {
  const dataDir = await mkdtemp(join(tmpdir(), 'millrace-control-'));
  const { log, text } = memoryLog();
  const bus = more.bus ?? createLocalBus();
  const metrics = new Registry();
  const config = configOf({ dataDir, streamKeys: [`cam1_${SECRET}`, `cam2_${SECRET}`], ...given });
  const { basePath = '', trustProxy = false, ...options } = more;
  const stage = await startControl({ config, bus, log, metrics, version: '1.2.3', ...options });
  const app = express().disable('x-powered-by').set('trust proxy', trustProxy);
  app.use(basePath === '' ? '/' : basePath, stage.router);
  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}${basePath}`;
  const token = config.apiToken ?? (await readFile(stage.tokenPath, 'utf8')).trim();
  onTestFinished(async () => {
    await stage.close();
    await bus.close();
    server.closeAllConnections();
    server.close();
    await rm(dataDir, { recursive: true, force: true });
  });
  const get: ServedControl['get'] = (path, init) => fetch(url + path, init);
  const getWithToken: ServedControl['get'] = (path, init) => get(path, { ...init, headers: { ...init?.headers, Authorization: `Bearer ${token}` } });
  return { stage, bus, server, metrics, config, token, logged: text, url, get, getWithToken };
}
