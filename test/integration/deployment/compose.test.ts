import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { CORE_SCHEMA, load, mergeTag } from 'js-yaml';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { freePort } from '#core/bus/nats/testing/nats-server.ts';
import { startPublisher, type Publisher } from '#test/support/publisher.ts';
import { until } from '#test/support/until.ts';

const infra = fileURLToPath(new URL('../../../infra/', import.meta.url));
const hasServer = spawnSync('nats-server', ['--version']).status === 0;
const ROLES = ['control', 'ingest', 'transcode', 'edge'] as const;
const KEY = 'main_0123456789abcdef';
const TOKEN = 'token-of-the-test-01';
/** What whoever starts compose sets. */
const given: Readonly<Record<string, string>> = { MILLRACE_STREAM_KEYS: KEY, MILLRACE_API_TOKEN: TOKEN };

type Compose = { readonly services: Readonly<Record<string, { readonly command: readonly string[]; readonly environment: Readonly<Record<string, string | number>> }>> };

/** infra/compose.yaml without containers: each service's command and environment as they stand there, on this machine, with other ports. */
describe.runIf(hasServer)('infra/compose.yaml', () => {
  let home: string;
  let publisher: Publisher | undefined;
  const processes: { readonly name: string; readonly child: ChildProcess; output(): string }[] = [];
  const ports = new Map<string, { readonly http: number; readonly rtmp: number; readonly webrtc: number }>();
  const urlOf = (role: (typeof ROLES)[number]): string => `http://127.0.0.1:${ports.get(role)?.http}`;

  function run(name: string, command: string, args: readonly string[], env: NodeJS.ProcessEnv): void {
    const child = spawn(command, args, { env: { PATH: process.env['PATH'], ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    [child.stdout, child.stderr].forEach((stream) => stream.on('data', (chunk: Buffer) => (output = (output + chunk.toString()).slice(-20_000))));
    processes.push({ name, child, output: () => output });
  }

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'millrace-compose-'));
    const { services } = load(await readFile(join(infra, 'compose.yaml'), 'utf8'), { schema: CORE_SCHEMA.withTags(mergeTag) }) as Compose;
    const environmentOf = (name: string): Record<string, string> => Object.fromEntries(Object.entries(services[name]?.environment ?? {}).map(([key, value]) => [key, filled(String(value))]));
    const nats = await freePort();
    const monitor = await freePort();
    for (const file of ['server.conf', 'common.conf', 'accounts.conf']) {
      const text = await readFile(join(infra, 'nats', file), 'utf8');
      await writeFile(join(home, file), text.replace('0.0.0.0:4222', `127.0.0.1:${nats}`).replace('0.0.0.0:8222', `127.0.0.1:${monitor}`).replace('/data/jetstream', join(home, 'jetstream')));
    }
    run('nats', 'nats-server', ['-c', join(home, 'server.conf')], environmentOf('nats'));
    await until('what the health check of NATS asks', async () => (await fetch(`http://127.0.0.1:${monitor}/healthz`)).ok);
    for (const role of ROLES) {
      const { http, rtmp, webrtc } = { http: await freePort(), rtmp: await freePort(), webrtc: await freePort() };
      ports.set(role, { http, rtmp, webrtc });
      const other = { NATS_URL: `nats://127.0.0.1:${nats}`, HOST: '127.0.0.1', HTTP_PORT: `${http}`, RTMP_PORT: `${rtmp}`, WEBRTC_PORT: `${webrtc}`, DATA_DIR: join(home, role), DRAIN_SECONDS: '2', TRANSCODE_CAPACITY: '10' };
      run(role, process.execPath, [join(infra, 'bin/millrace.js'), ...(services[role]?.command ?? [])], {
        ...environmentOf(role),
        ...Object.fromEntries(Object.entries(other).map(([name, value]) => [`MILLRACE_${name}`, value])),
      });
    }
    await until('all roles to be ready', async () => (await Promise.all(ROLES.map((role) => fetch(`${urlOf(role)}/readyz`)))).every((answer) => answer.ok), { deadline: 60_000 }).catch((error: unknown) => {
      throw new Error(processes.map(({ name, output }) => `${name}: ${output().slice(-800)}`).join('\n'), { cause: error });
    });
  });

  afterAll(async () => {
    await publisher?.[Symbol.asyncDispose]();
    for (const { child } of processes) {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGKILL');
        await once(child, 'exit');
      }
    }
    await rm(home, { recursive: true, force: true });
  });

  test('a broadcast goes from the ingest to the edge, all of them known to any of them', async () => {
    publisher = startPublisher({ url: `rtmp://127.0.0.1:${ports.get('ingest')?.rtmp}/live/${KEY}`, size: '320x180', kilobits: 300 });
    const master = await until('the edge to serve it', async () => {
      const answer = await fetch(`${urlOf('edge')}/live/main/master.m3u8`);
      return answer.ok ? answer.text() : undefined;
    });
    const media = new URL(/^[^#\s].*$/m.exec(master)?.[0] ?? '', `${urlOf('edge')}/live/main/master.m3u8`);
    await until('parts', async () => (await (await fetch(media)).text()).includes('#EXT-X-PART:'));
    const answer = await fetch(`${urlOf('edge')}/api/v1/nodes`, { headers: { Authorization: `Bearer ${TOKEN}` } });
    const { nodes } = (await answer.json()) as { nodes: readonly { readonly node: string; readonly roles: readonly string[]; readonly edge: { readonly archive: boolean } | null }[] };
    expect(nodes.flatMap(({ roles }) => roles).toSorted()).toEqual(ROLES.toSorted());
    expect(nodes.find(({ node }) => node === 'edge-1')?.edge?.archive).toBe(true);
  });

  test('every role gives its metrics for the one token, and asks of NATS nothing that it may not', async () => {
    for (const role of ROLES) {
      const answer = await fetch(`${urlOf(role)}/metrics`, { headers: { Authorization: `Bearer ${TOKEN}` } });
      expect(await answer.text(), role).toContain('millrace_nats_connected{connection="media"} 1');
    }
    expect(processes.find(({ name }) => name === 'nats')?.output().match(/Violation.*$/gm) ?? []).toEqual([]);
  });

  test('all of them end in order', async () => {
    await publisher?.stop();
    const roles = processes.filter(({ name }) => name !== 'nats');
    roles.forEach(({ child }) => child.kill('SIGTERM'));
    await until('all roles to end', () => roles.every(({ child }) => child.exitCode !== null));
    expect(roles.map(({ name, child }) => [name, child.exitCode])).toEqual(ROLES.map((role) => [role, 0]));
  });
});

/** A value with what compose puts in: `${NAME:-default}`. */
function filled(value: string): string {
  return value.replace(/\$\{(\w+):-([^}]*)\}/g, (_, name: string, otherwise: string) => given[name] ?? otherwise);
}
