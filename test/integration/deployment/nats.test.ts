import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { connectNats, type NatsBus } from '#core/bus/nats/connect.ts';
import { freePort } from '#core/bus/nats/testing/nats-server.ts';
import { placeOf, testFrame, testTrack } from '#core/bus/testing/frames.ts';
import { broadcastId, type Frame } from '#core/media/frame.ts';
import { wallTime } from '#core/media/time.ts';
import { createLog } from '#core/runtime/log.ts';
import { until } from '#test/support/until.ts';

const shipped = fileURLToPath(new URL('../../../infra/nats/', import.meta.url));
const hasServer = spawnSync('nats-server', ['--version']).status === 0;
const { log } = createLog({ level: 'silent' });
const PASSWORD = 'password-of-the-test';

type Ports = { readonly client: number; readonly monitor: number; readonly cluster: number; readonly gateway: number; readonly leaf: number };
type Server = { readonly name: string; readonly ports: Ports; readonly process: ChildProcess; output(): string };

/** The shipped files with the real server: a region of three, another of one, and a leaf node at the first; only addresses and places differ. */
describe.runIf(hasServer)("NATS' configuration, as it is shipped", () => {
  let home: string;
  const servers: Server[] = [];
  const buses: NatsBus[] = [];

  async function portsOf(): Promise<Ports> {
    return { client: await freePort(), monitor: await freePort(), cluster: await freePort(), gateway: await freePort(), leaf: await freePort() };
  }

  async function start(name: string, file: string, ports: Ports, more: { readonly env: Readonly<Record<string, string>>; readonly gateways?: string }): Promise<void> {
    const places: readonly (readonly [RegExp, string])[] = [
      [/0\.0\.0\.0:4222/, `127.0.0.1:${ports.client}`],
      [/127\.0\.0\.1:8222/, `127.0.0.1:${ports.monitor}`],
      [/0\.0\.0\.0:6222/, `127.0.0.1:${ports.cluster}`],
      [/0\.0\.0\.0:7222/, `127.0.0.1:${ports.gateway}`],
      [/0\.0\.0\.0:7422/, `127.0.0.1:${ports.leaf}`],
      [/\/data\/jetstream/, join(home, name)],
      [/gateways: \[[\s\S]*?\n {2}\]/, more.gateways ?? ''],
    ];
    const text = places.reduce((before, [from, to]) => before.replace(from, to), await readFile(join(shipped, file), 'utf8'));
    await writeFile(join(home, `${name}.conf`), text);
    const env = { ...process.env, NATS_NAME: name, NATS_PASSWORD: PASSWORD, NATS_SYSTEM_PASSWORD: 'two', NATS_ROUTE_PASSWORD: 'three', NATS_GATEWAY_PASSWORD: 'four', NATS_LEAF_PASSWORD: 'five', ...more.env };
    const child = spawn('nats-server', ['-c', join(home, `${name}.conf`)], { env, stdio: ['ignore', 'ignore', 'pipe'] });
    let output = '';
    child.stderr.on('data', (chunk: Buffer) => (output = (output + chunk.toString()).slice(-20_000)));
    servers.push({ name, ports, process: child, output: () => output });
    await until(`${name} to take connections`, () => {
      if (child.exitCode !== null) {
        throw new Error(output);
      }
      return output.includes('Server is ready');
    });
  }

  async function joinAt(name: string, node: string): Promise<NatsBus> {
    const port = servers.find((server) => server.name === name)?.ports.client;
    const bus = await connectNats({ url: `nats://127.0.0.1:${port}`, user: 'millrace', password: PASSWORD, node, log });
    buses.push(bus);
    return bus;
  }

  const monitor = async (name: string, path: string): Promise<Record<string, unknown>> => {
    const port = servers.find((server) => server.name === name)?.ports.monitor;
    return (await (await fetch(`http://127.0.0.1:${port}${path}`)).json()) as Record<string, unknown>;
  };

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'millrace-nats-'));
    for (const file of ['common.conf', 'accounts.conf', 'accounts-leaf.conf']) {
      await writeFile(join(home, file), await readFile(join(shipped, file), 'utf8'));
    }
    const eu = [await portsOf(), await portsOf(), await portsOf()];
    const us = await portsOf();
    const gateways = `gateways: [ { name: eu, urls: [${eu.map((ports) => `"nats://127.0.0.1:${ports.gateway}"`).join(', ')}] }, { name: us, urls: ["nats://127.0.0.1:${us.gateway}"] } ]`;
    const routes = (all: readonly Ports[]): string => JSON.stringify(all.map((ports) => `nats-route://route:three@127.0.0.1:${ports.cluster}`));
    for (const [i, ports] of eu.entries()) {
      await start(`eu-${i + 1}`, 'super-cluster.conf', ports, { env: { NATS_REGION: 'eu', NATS_ROUTES: routes(eu) }, gateways });
    }
    await start('us-1', 'super-cluster.conf', us, { env: { NATS_REGION: 'us', NATS_ROUTES: routes([us]) }, gateways });
    await until('the servers to choose a leader', async () => ((await monitor('eu-1', '/jsz'))['meta_cluster'] as { leader?: string; cluster_size: number } | undefined)?.leader, { deadline: 30_000 });
    await start('site-1', 'leaf.conf', await portsOf(), { env: { NATS_REGION_URL: `"nats-leaf://leaf:five@127.0.0.1:${eu[0]?.leaf}"` } });
    await until('the leaf node to be in', async () => (await monitor('eu-1', '/varz'))['leafnodes'] === 1);
  });

  afterAll(async () => {
    await Promise.all(buses.map((bus) => bus.close()));
    for (const { process: child } of servers) {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGKILL');
        await once(child, 'exit');
      }
    }
    await rm(home, { recursive: true, force: true });
  });

  test('three servers are a cluster, and regions are joined', async () => {
    await until('routes', async () => (await monitor('eu-2', '/varz'))['routes'] === 2);
    await until('gateways', async () => 'eu' in ((await monitor('us-1', '/gatewayz'))['outbound_gateways'] as object));
  });

  test.each([
    ['another server of the region', 'eu-2'],
    ['another region', 'us-1'],
    ['a leaf node', 'site-1'],
  ])('frames, broadcasts, leases, values and questions reach %s', async (_what, name) => {
    const near = await joinAt('eu-1', `near-${name}`);
    const far = await joinAt(name, `far-${name}`);
    const broadcast = broadcastId(`${name.replace('-', '')}broadcast`);
    const frame = (group: number, index: number): Frame => ({ ...testFrame(group, index), broadcast });
    const seen: string[] = [];
    far.onBroadcast((info) => seen.push(`${info.stream} ${info.state}`));
    near.announce({ stream: name, broadcast, epoch: 0, state: 'live', startedAt: wallTime(1_000_000) });
    await until('the broadcast to be known', () => seen.includes(`${name} live`));

    const producer = near.produce(broadcast, testTrack, { fence: 1 });
    producer.write(frame(1, 0));
    producer.write(frame(1, 1));
    const consumer = far.consume(broadcast, testTrack);
    expect(placeOf(await consumer.next())).toBe('1.0');
    expect(placeOf(await consumer.next())).toBe('1.1');
    producer.write(frame(2, 0));
    expect(placeOf(await consumer.next())).toBe('2.0');
    expect(consumer.losses).toEqual({ groups: 0, frames: 0 });
    consumer.close();
    producer.close();

    const lease = await near.tryLease(`trial/${name}`);
    expect(lease?.fence).toBeGreaterThan(0);
    await until('the lease to be known', async () => (await far.tryLease(`trial/${name}`)) === undefined);

    near.serve(`trial/${name}`, (payload) => ({ heard: payload }));
    await until('the question to be answered', async () => ((await far.request(`trial/${name}`, 'hello')) as { heard: string }).heard === 'hello');
    near.announce({ stream: name, broadcast, epoch: 0, state: 'ended', startedAt: wallTime(1_000_000) });
  });

  test('nobody comes in without the password, and Millrace needs no more than it may do', async () => {
    const port = servers[0]?.ports.client ?? 0;
    expect(await firstAnswer(port, 'wrong')).toBe("-ERR 'Authorization Violation'");
    expect(await firstAnswer(port, PASSWORD)).toBe('PONG');
    expect(servers.map(({ output }) => output()).join('').match(/Permissions Violation.*$/gm) ?? []).toEqual([]);
  });
});

/** What a server says to who connects with a password. */
function firstAnswer(port: number, password: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let said = '';
    socket.once('error', reject);
    socket.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      const answer = said.split('\r\n').find((line) => line !== '' && !line.startsWith('INFO '));
      if (answer !== undefined) {
        socket.destroy();
        resolve(answer);
      }
    });
    socket.write(`CONNECT ${JSON.stringify({ user: 'millrace', pass: password, verbose: false, pedantic: false })}\r\nPING\r\n`);
  });
}
