import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { load } from 'js-yaml';
import { describe, expect, test } from 'vitest';

import { environmentName } from '#core/runtime/config/names.ts';
import { SOCKET_NAMES } from '#core/runtime/listen-fds.ts';

import { allOptions } from '../millrace/options.ts';

const pathOf = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const read = (path: string): string => readFileSync(pathOf(path), 'utf8');
const defaultOf = (key: keyof typeof allOptions): unknown => allOptions[key].schema.parse(undefined);
const variables = new Set(Object.keys(allOptions).map(environmentName));

/** `MILLRACE_...` variables that a text sets or names. */
function variablesIn(text: string): string[] {
  return [...new Set(text.match(/MILLRACE_[A-Z_]*[A-Z]/g) ?? [])];
}

const units = ['millrace.service', ...SOCKET_NAMES.map((name) => `millrace-${name}.socket`)];

type Compose = {
  readonly services: { readonly millrace: { readonly ports: string[]; readonly environment: Record<string, string>; readonly volumes: string[]; readonly build: { readonly dockerfile: string } } };
  readonly volumes: Record<string, unknown>;
};

describe('the files for containers, services and proxies', () => {
  test.each(['infra/docker/Dockerfile', 'infra/docker/healthcheck.js', 'infra/compose.yaml', 'infra/systemd/millrace.service', 'infra/nginx/millrace.conf'])(
    '%s names only options that exist',
    (path) => {
      expect(variablesIn(read(path)).filter((name) => !variables.has(name))).toEqual([]);
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

  test('compose publishes the default ports, keeps the data and builds that image', () => {
    const { services, volumes } = load(read('infra/compose.yaml')) as Compose;
    const { ports, environment, volumes: mounts, build } = services.millrace;
    const same = (key: keyof typeof allOptions): string => `${defaultOf(key)}:${defaultOf(key)}`;
    expect(ports).toEqual([same('httpPort'), same('rtmpPort'), `${same('webrtcPort')}/udp`, `${same('webrtcPort')}/tcp`]);
    expect(Object.keys(environment).filter((name) => !variables.has(name))).toEqual([]);
    expect(mounts).toEqual(['data:/data']);
    expect(volumes).toHaveProperty('data');
    expect(existsSync(pathOf(build.dockerfile))).toBe(true);
    expect(read('infra/docker/Dockerfile')).toContain('MILLRACE_DATA_DIR=/data');
  });

  test('the proxy passes on to the default port', () => {
    expect(read('infra/nginx/millrace.conf')).toContain(`server 127.0.0.1:${defaultOf('httpPort')};`);
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
