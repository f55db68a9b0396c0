import { mkdtemp, rm } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { pino } from 'pino';
import { Registry } from 'prom-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { PublishPolicy } from '#core/access/publish-policy.ts';
import { createLocalBus } from '#core/bus/local/local-bus.ts';
import { commonOptions } from '#core/runtime/config/common.ts';

import { ingestOptions, type IngestConfig } from './config.ts';
import { startIngest } from './main.ts';
import { FakeTransport } from './whip/testing/fake-transport.ts';

const policy: PublishPolicy = { decide: () => Promise.resolve({ allowed: true, stream: 'show' }) };
let dataDir: string;

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'millrace-ingest-'));
});
afterEach(() => rm(dataDir, { recursive: true, force: true }));

function options(change: Partial<IngestConfig> = {}) {
  const defaults = Object.fromEntries(Object.entries({ ...commonOptions, ...ingestOptions }).map(([name, { schema }]) => [name, schema.parse(undefined)]));
  const config = { ...defaults, host: '127.0.0.1', rtmpPort: 0, dataDir, ...change } as IngestConfig;
  return { config, bus: createLocalBus(), policy, log: pino({ enabled: false }), metrics: new Registry() };
}

describe('ingest', () => {
  it('listens where it says, and stops when it is told, once or twice', async () => {
    const stage = await startIngest(options());
    expect(stage.rtmpPort).toBeGreaterThan(0);
    expect(stage.rtmpsPort).toBeUndefined();
    expect(stage.whip).toBeUndefined();
    await Promise.all([stage.close(), stage.close()]);
    await expect(stage.closed).resolves.toBeUndefined();
  });

  it('has WHIP where there is a WebRTC port', async () => {
    const stage = await startIngest({ ...options(), rtc: new FakeTransport() });
    const passedOn = new Promise<void>((resolve) => {
      const server = createHttpServer((request, response) => stage.whip?.(request, response, () => response.end('not mine', resolve)));
      server.listen(0, '127.0.0.1', () => {
        void fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/live/show/master.m3u8`).then(() => server.close());
      });
    });
    await passedOn;
    await stage.close();
  });

  it.each([
    ['nothing is said of its host', {}, undefined],
    ['its host is given', { publicHost: 'in.example' }, 'rtmp://in.example'],
    ['its address is', { publicHost: '2001:db8::1' }, 'rtmp://[2001:db8::1]'],
    ['its public URL is', { publicUrl: 'https://live.example/tv' }, 'rtmp://live.example'],
  ])('tells how full it is, and where it is reached where %s', async (_what, change, base) => {
    const stage = await startIngest({ ...options({ maxPublishers: 7, ...change }), rtc: new FakeTransport() });
    const rtmpUrl = base === undefined ? {} : { rtmpUrl: `${base}:${stage.rtmpPort}/live` };
    expect(stage.load).toEqual({ publishers: 0, maxPublishers: 7, whip: true, ...rtmpUrl });
    await stage.close();
  });

  it('says so where its port is taken', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => {
      other.listen(0, '127.0.0.1', resolve);
    });
    const { port } = other.address() as AddressInfo;
    await expect(startIngest(options({ rtmpPort: port }))).rejects.toMatchObject({ code: 'ingest/port-in-use' });
    other.close();
  });
});
