import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Registry } from 'prom-client';
import { afterEach, describe, expect, it } from 'vitest';

import type { CommonConfig } from '#core/runtime/config/common.ts';

import { ConnectionCensus } from './listener.ts';
import type { RtmpConfig } from './options.ts';
import { startRtmp, type RtmpStage } from './start.ts';
import { RtmpClient, chunks, concat, connectCommand, handshakeBytes } from './testing/client.ts';
import { GOOD_KEY, RecordingRegistry, memoryLog, openPolicy, rtmpConfig } from './testing/harness.ts';
import { NAL, aacFrame, aacHeader, avcFrame, avcHeader } from './testing/media.ts';

type Started = { readonly stage: RtmpStage; readonly registry: RecordingRegistry; readonly metrics: Registry };

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) {
    await cleanup();
  }
});

async function start(config: Partial<RtmpConfig & Pick<CommonConfig, 'tlsCert' | 'tlsKey' | 'host'>> = {}): Promise<Started> {
  const registry = new RecordingRegistry();
  const metrics = new Registry();
  const stage = await startRtmp({
    config: { ...rtmpConfig({ rtmpPort: 0, rtmpsPort: 0 }), host: '127.0.0.1', tlsCert: undefined, tlsKey: undefined, ...config },
    policy: openPolicy(),
    registry,
    log: memoryLog().log,
    metrics,
  });
  cleanups.push(() => stage.close());
  return { stage, registry, metrics };
}

async function open(port: number, tls = false): Promise<RtmpClient> {
  const client = await RtmpClient.open({ port, tls });
  cleanups.push(() => client.close());
  return client;
}

describe('startRtmp', () => {
  it('takes a publisher over TCP from the handshake to deleteStream', async () => {
    const { stage, registry, metrics } = await start();
    const client = await open(stage.rtmpPort);
    expect(await client.publish(GOOD_KEY)).toBe('NetStream.Publish.Start');
    client.video(0, avcHeader());
    client.audio(0, aacHeader());
    client.video(0, avcFrame([NAL.idr]));
    client.audio(5, aacFrame());
    await registry.until(() => registry.publishers[0]?.samples.length === 2);
    expect(registry.publishers[0]?.publisher).toMatchObject({ address: '127.0.0.1', protocol: 'rtmp' });
    expect(await metrics.getSingleMetricAsString('millrace_rtmp_connections')).toContain('protocol="rtmp"} 1');
    await client.close();
    await registry.until(() => registry.publishers[0]?.ended === 'lost');
    await expect.poll(() => metrics.getSingleMetricAsString('millrace_rtmp_connections')).toContain('protocol="rtmp"} 0');
  });

  it('tells a refused publisher why before it closes, although media is still coming', async () => {
    const { stage } = await start();
    const client = await open(stage.rtmpPort);
    const answer = client.publish('demo_wrongwrongwrongwrong');
    client.write(new Uint8Array(200_000));
    expect(await answer).toBe('NetStream.Publish.Denied');
    await client.closed;
    expect(client.server.description('NetStream.Publish.Denied')).toContain('not known');
    // A reset could have overtaken the status.
    expect(client.failure).toBeUndefined();
  });

  it('serves RTMPS where there is a certificate', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-rtmps-'));
    cleanups.push(() => rmSync(folder, { recursive: true }));
    const [tlsCert, tlsKey] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1', '-subj', '/CN=localhost', '-keyout', tlsKey, '-out', tlsCert], { stdio: 'ignore' });
    const { stage, registry, metrics } = await start({ tlsCert, tlsKey });
    const client = await open(stage.rtmpsPort ?? 0, true);
    expect(await client.publish(GOOD_KEY)).toBe('NetStream.Publish.Start');
    client.video(0, avcHeader());
    await registry.until(() => registry.publishers[0]?.configs.length === 1);
    expect(registry.publishers[0]?.publisher).toMatchObject({ protocol: 'rtmps', address: '127.0.0.1' });
    await client.close();

    const plain = connect({ port: stage.rtmpsPort ?? 0, host: '127.0.0.1' });
    plain.write(handshakeBytes());
    await new Promise((resolve) => plain.on('error', () => undefined).on('close', resolve).resume());
    await expect.poll(() => metrics.getSingleMetricAsString('millrace_rtmp_connections')).toContain('protocol="rtmps"} 0');
  });

  it('says in one sentence that a port is taken, and leaves no listener behind', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    cleanups.push(() => other.close());
    const { port } = other.address() as AddressInfo;
    await expect(start({ rtmpPort: port })).rejects.toMatchObject({
      code: 'ingest/port-in-use',
      message: `The RTMP port ${port} is taken by another program: stop it, or set rtmpPort (MILLRACE_RTMP_PORT) to a free port.`,
    });
  });

  it('says that a certificate cannot be read or used', async () => {
    await expect(start({ tlsCert: '/nowhere/cert.pem', tlsKey: '/nowhere/key.pem' })).rejects.toMatchObject({ code: 'ingest/bad-certificate' });
    const file = new URL(import.meta.url).pathname;
    await expect(start({ tlsCert: file, tlsKey: file })).rejects.toMatchObject({ code: 'ingest/bad-certificate' });
  });

  it('bounds the connections of one address, and lets the next in when one has gone', async () => {
    const { stage, metrics } = await start({ rtmpMaxConnectionsPerAddress: 2 });
    const first = await open(stage.rtmpPort);
    const second = await open(stage.rtmpPort);
    expect(await second.publish(GOOD_KEY)).toBe('NetStream.Publish.Start');
    const third = await open(stage.rtmpPort);
    await third.closed;
    expect(await metrics.getSingleMetricAsString('millrace_rtmp_refused_total')).toContain('reason="connections-per-address"} 1');
    await first.close();
    await expect.poll(() => metrics.getSingleMetricAsString('millrace_rtmp_connections')).toContain('protocol="rtmp"} 1');
    const fourth = await open(stage.rtmpPort);
    expect(await fourth.publish(GOOD_KEY)).toBe('NetStream.Publish.Start');
  });

  it('drops a peer that asks and asks and never reads the answers', async () => {
    const { stage, registry } = await start({ rtmpMaxUnauthorisedBytes: 16_777_216 });
    const socket = connect({ port: stage.rtmpPort, host: '127.0.0.1' });
    cleanups.push(() => socket.destroy());
    const gone = new Promise((resolve) => socket.on('error', () => undefined).on('close', resolve));
    socket.pause();
    const asking = concat(...Array.from({ length: 400 }, () => chunks(connectCommand())));
    socket.write(handshakeBytes());
    const more = (): void => {
      while (!socket.destroyed && socket.write(asking)) {
        // Fills what the kernel takes; 'drain' goes on.
      }
    };
    socket.on('drain', more);
    more();
    await gone;
    expect(registry.publishers).toEqual([]);
  });

  it('closes with publishers on it: they are told, and nothing is left', async () => {
    const { stage, registry } = await start();
    const client = await open(stage.rtmpPort);
    await client.publish(GOOD_KEY);
    await Promise.all([stage.close(), stage.close()]);
    await stage.closed;
    await client.closed;
    expect(client.server.description('NetStream.Failed')).toBe('The server is stopping.');
    expect(registry.publishers[0]?.ended).toBe('lost');
    await expect(RtmpClient.open({ port: stage.rtmpPort })).rejects.toThrow();
  });
});

describe('ConnectionCensus', () => {
  it('counts by address and in all', () => {
    const census = new ConnectionCensus();
    const limits = { rtmpMaxConnectionsPerAddress: 2, rtmpMaxConnections: 3 };
    expect([census.enter('a', limits), census.enter('a', limits), census.enter('a', limits)]).toEqual([undefined, undefined, 'connections-per-address']);
    expect([census.enter('b', limits), census.enter('c', limits)]).toEqual([undefined, 'connections']);
    census.leave('a');
    expect(census.enter('c', limits)).toBeUndefined();
  });

  it('counts all addresses that one IPv6 subscriber has as one', () => {
    const census = new ConnectionCensus();
    const limits = { rtmpMaxConnectionsPerAddress: 2, rtmpMaxConnections: 9 };
    const enter = (address: string): string | undefined => census.enter(address, limits);
    expect([enter('2001:db8::1'), enter('2001:db8::2'), enter('2001:db8::3'), enter('2001:db8:0:1::1')]).toEqual([undefined, undefined, 'connections-per-address', undefined]);
    census.leave('2001:db8::1');
    expect(enter('2001:db8::4')).toBeUndefined();
  });
});
