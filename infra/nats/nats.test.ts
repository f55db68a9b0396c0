import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { describe, expect, test } from 'vitest';

const folder = fileURLToPath(new URL('.', import.meta.url));
const files = readdirSync(folder).filter((name) => name.endsWith('.conf'));
const included = new Set(files.flatMap((name) => [...readFileSync(`${folder}${name}`, 'utf8').matchAll(/^include \.\/(\S+)$/gm)].map(([, other = '']) => other)));
const servers = files.filter((name) => !included.has(name));
const hasServer = spawnSync('nats-server', ['--version']).status === 0;

/** What each file asks of the environment. */
const environment = {
  NATS_NAME: 'eu-1',
  NATS_REGION: 'eu',
  NATS_PASSWORD: 'one',
  NATS_SYSTEM_PASSWORD: '"2"',
  NATS_ROUTE_PASSWORD: 'three',
  NATS_GATEWAY_PASSWORD: 'four',
  NATS_LEAF_PASSWORD: 'five',
  NATS_ROUTES: '["nats-route://route:three@nats-1:6222", "nats-route://route:three@nats-2:6222"]',
  NATS_REGION_URL: '"nats-leaf://leaf:five@nats-1.eu.example.com:7422"',
};
const check = (name: string, env: Readonly<Record<string, string>>): { status: number | null; stderr: string } =>
  spawnSync('nats-server', ['-t', '-c', `${folder}${name}`], { encoding: 'utf8', env: { PATH: process.env['PATH'], ...env } });

describe("NATS' configuration", () => {
  test('is there for one server, a cluster, regions and leaf nodes', () => {
    expect(servers.toSorted()).toEqual(['cluster.conf', 'leaf.conf', 'server.conf', 'super-cluster.conf']);
    expect([...included].filter((name) => !files.includes(name))).toEqual([]);
  });

  test.runIf(hasServer).each(servers)('%s is valid', (name) => {
    const { status, stderr } = check(name, environment);
    expect(stderr).toContain('is valid');
    expect(status).toBe(0);
  });

  test.runIf(hasServer).each(servers)('%s says in its head what it asks of the environment, and starts with no password unset', (name) => {
    const head = readFileSync(`${folder}${name}`, 'utf8').split('\n').filter((line) => line.startsWith('#')).join(' ');
    const wanted = Object.keys(environment).filter((variable) => {
      const rest = Object.fromEntries(Object.entries(environment).filter(([key]) => key !== variable));
      return check(name, rest).status !== 0;
    });
    expect(wanted).toContain('NATS_PASSWORD');
    expect(wanted.filter((variable) => !head.includes(variable))).toEqual([]);
    expect([...head.matchAll(/\bNATS_[A-Z_]+[A-Z]\b/g)].map(([variable]) => variable).filter((variable) => variable in environment && !wanted.includes(variable))).toEqual([]);
  });

  test('lets processes of Millrace do the same at a leaf node as elsewhere', () => {
    const permissions = (name: string): string | undefined => /permissions: \{[\s\S]*?\n {8}\}/.exec(readFileSync(`${folder}${name}`, 'utf8'))?.[0].replace(/ *#.*\n/g, '');
    expect(permissions('accounts-leaf.conf')).toBe(permissions('accounts.conf'));
    expect(permissions('accounts.conf')).toContain('"millrace.>"');
  });
});
