import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { freePorts } from '#test/support/server.ts';
import { until } from '#test/support/until.ts';

/** Debian's nginx. */
export const NGINX = ['/usr/sbin/nginx', '/usr/bin/nginx', '/usr/local/nginx/sbin/nginx'].find((path) => existsSync(path));

const shipped = (name: string): string => fileURLToPath(new URL(`../../../infra/nginx/${name}`, import.meta.url));

/** A running nginx with infra/nginx/millrace-{cache,edges}.conf. */
export type Nginx = {
  readonly port: number;
  /** What it wrote to its error log. */
  log(): Promise<string>;
  [Symbol.asyncDispose](): Promise<void>;
};

/** Starts the real nginx with the shipped files, in which only addresses and places are other ones. */
export async function startNginx(edges: readonly [number, number]): Promise<Nginx> {
  if (NGINX === undefined) {
    throw new Error('nginx is not installed');
  }
  const home = await mkdtemp(join(tmpdir(), 'millrace-nginx-'));
  const [port] = await freePorts(2);
  const upstreams = replaced(await readFile(shipped('millrace-edges.conf'), 'utf8'), [
    ['server 127.0.0.1:8080 max_fails=1', `server 127.0.0.1:${edges[0]} max_fails=1`, 2],
    ['server 127.0.0.1:8180 max_fails=1', `server 127.0.0.1:${edges[1]} max_fails=1`, 2],
  ]);
  const conf = replaced(await readFile(shipped('millrace-cache.conf'), 'utf8'), [
    ['listen 80;', `listen 127.0.0.1:${port};`, 1],
    ['/var/cache/millrace-', `${home}/`, 2],
    ['unix:/run/', `unix:${home}/`, 4],
  ]);
  await mkdir(join(home, 'tmp'));
  await writeFile(join(home, 'millrace-cache.conf'), conf);
  await writeFile(join(home, 'millrace-edges.conf'), upstreams);
  await writeFile(join(home, 'nginx.conf'), mainConfiguration(home));
  const child = spawn(NGINX, ['-p', home, '-c', join(home, 'nginx.conf')], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const log = async (): Promise<string> => `${said}${await readFile(join(home, 'error.log'), 'utf8').catch(() => '')}`;
  const nginx: Nginx = {
    port,
    log,
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGTERM');
        await once(child, 'exit');
      }
      await rm(home, { recursive: true, force: true });
    },
  };
  try {
    await until('nginx to listen', async () => {
      if (child.exitCode !== null) {
        throw new Error(`nginx ended with code ${child.exitCode}: ${await log()}`);
      }
      return isOpen(port);
    });
    return nginx;
  } catch (error) {
    await nginx[Symbol.asyncDispose]();
    throw error;
  }
}

/** What a distribution's nginx.conf brings. */
function mainConfiguration(home: string): string {
  const places = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `  ${name}_temp_path ${home}/tmp/${name};`);
  return [
    ...(userInfo().uid === 0 ? ['user root;'] : []),
    ...['daemon off;', 'worker_processes 2;', `pid ${home}/nginx.pid;`, `error_log ${home}/error.log warn;`],
    ...['worker_rlimit_nofile 8192;', 'events { worker_connections 4096; }', 'http {', ...places, `  include ${home}/millrace-*.conf;`, '}', ''],
  ].join('\n');
}

/** Each of these texts as often as it is known to be there: a file that changed must not be tested half. */
function replaced(text: string, changes: readonly (readonly [string, string, number])[]): string {
  return changes.reduce((before, [from, to, count]) => {
    const pieces = before.split(from);
    if (pieces.length !== count + 1) {
      throw new Error(`the shipped file has "${from}" ${pieces.length - 1} times, not ${count}`);
    }
    return pieces.join(to);
  }, text);
}

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
