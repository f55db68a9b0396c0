import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, readlink, rm } from 'node:fs/promises';
import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { childrenOf } from '#test/support/processes.ts';
import { freePorts } from '#test/support/server.ts';
import { holdSockets } from '#test/support/socket-holder.ts';
import { until } from '#test/support/until.ts';

const launcher = fileURLToPath(new URL('../../../infra/bin/millrace.js', import.meta.url));
const systemNode = '/usr/bin/node';
const isOld = existsSync(systemNode) && Number.parseInt(execFileSync(systemNode, ['--version'], { encoding: 'utf8' }).slice(1), 10) < 26;

let home: string;
let ports: { http: number; rtmp: number };
let env: NodeJS.ProcessEnv;
let taken: Server;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'millrace-sockets-'));
  const [http, rtmp] = await freePorts(2);
  ports = { http, rtmp };
  const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('MILLRACE_')));
  // A port that nobody else can open: what is handed over takes its place. WebRTC's is not handed over.
  taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  const port = `${(taken.address() as AddressInfo).port}`;
  env = { ...clean, MILLRACE_HOST: '127.0.0.1', MILLRACE_HTTP_PORT: port, MILLRACE_RTMP_PORT: port, MILLRACE_WEBRTC_PORT: '0', MILLRACE_DATA_DIR: join(home, 'data') };
});
afterEach(async () => {
  taken.close();
  await rm(home, { recursive: true, force: true });
});

/** One request, without a second try. */
async function get(path: string): Promise<number> {
  return (await fetch(`http://127.0.0.1:${ports.http}${path}`, { signal: AbortSignal.timeout(60_000) })).status;
}

/** Connects to RTMP, without a second try, and waits for the first byte of the answer to a handshake. */
function shakeHands(): Promise<number> {
  return new Promise<number>((resolve, reject) => {
    const socket = connect(ports.rtmp, '127.0.0.1', () => socket.write(Buffer.concat([Buffer.from([3]), Buffer.alloc(1536)])));
    socket.once('data', (data) => {
      socket.destroy();
      resolve((data as Buffer)[0] ?? 0);
    });
    socket.once('error', reject);
  });
}

describe.runIf(process.platform === 'linux')('sockets of socket activation, sd_listen_fds(3)', () => {
  test.each([['the Node that runs it', process.execPath], ...(isOld ? [['an older Node, which hands over', systemNode] as const] : [])] as const)(
    'are served in place of host and ports, and no connection is refused between two servers: launched by %s',
    async (_which, node) => {
      await using holder = holdSockets({ ports, command: [node, launcher, 'up'], env });
      let output = '';
      holder.process.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()));
      await until('a first server', () => holder.pid());
      // Nothing serves them yet: both wait in the sockets' queue.
      expect(await Promise.all([get('/healthz'), shakeHands()])).toEqual([200, 3]);
      await until('the block that a start prints', () => output.includes('is ready'));
      expect(output).toMatch(new RegExp(`^  Server {6}rtmp://\\S+:${ports.rtmp}/live$`, 'm'));
      expect(output).toMatch(new RegExp(`^  Watch {7}http://\\S+:${ports.http}/watch/demo$`, 'm'));
      const first = holder.pid();
      await holder.kill();
      expect(await Promise.all([get('/healthz'), shakeHands()])).toEqual([200, 3]);
      expect(holder.pid()).not.toBe(first);
      expect(await holder.stop()).toBe(0);
    },
  );

  test('are nobody else\'s: an ffmpeg has neither the sockets nor the variables', async () => {
    await using holder = holdSockets({ ports, command: [process.execPath, launcher, 'up'], env });
    // The first ones live for a moment only: a look that comes too late is taken again.
    const { variables, links } = await until('a look at an ffmpeg', async () => {
      const [pid] = await childrenOf(holder.process.pid!, 'ffmpeg');
      const folder = `/proc/${pid}/fd`;
      const seen = await Promise.all((await readdir(folder)).map((fd) => readlink(join(folder, fd))));
      const environment = await readFile(`/proc/${pid}/environ`, 'utf8');
      return environment.includes('PATH=') ? { variables: environment.split('\0'), links: seen } : undefined;
    }, { deadline: 30_000 });
    expect(variables.filter((each) => each.startsWith('LISTEN_'))).toEqual([]);
    const held = await Promise.all([3, 4].map((fd) => readlink(`/proc/${holder.pid()}/fd/${fd}`)));
    expect(held).toEqual([expect.stringMatching(/^socket:/), expect.stringMatching(/^socket:/)]);
    expect(links.filter((link) => held.includes(link))).toEqual([]);
  });

  test.each<[why: string, variables: Record<string, string>, said: RegExp]>([
    ['a name that is none of ours', { LISTEN_FDS: '1', LISTEN_FDNAMES: 'web' }, /^millrace: The sockets handed over at the start cannot be used: LISTEN_FDNAMES names "web"\. .*\n$/],
    ['something that is no socket', { LISTEN_FDS: '1', LISTEN_FDNAMES: 'http' }, /^millrace: The socket for httpPort that was handed over as file descriptor 3 cannot be listened on: .*\n$/],
    ['a socket for RTMP that is none', { LISTEN_FDS: '1', LISTEN_FDNAMES: 'rtmp', MILLRACE_HOST: '127.0.0.1', MILLRACE_HTTP_PORT: '0' }, /^millrace: The socket for rtmp that was handed over as file descriptor 3 cannot be listened on: .*\n$/],
    ['a socket for HTTPS without a certificate', { LISTEN_FDS: '1', LISTEN_FDNAMES: 'https' }, /^millrace: A socket for https or rtmps was handed over, but there is no certificate: .*\n$/],
  ])('that cannot be served end the start with one sentence: %s', (_why, variables, said) => {
    const { status, stdout, stderr } = spawnSync('/bin/sh', ['-c', 'LISTEN_PID=$$; export LISTEN_PID; exec "$0" "$@"', process.execPath, launcher, 'up'], {
      env: { ...env, MILLRACE_LOG_LEVEL: 'silent', ...variables },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe', 'ignore'],
    });
    expect(stderr).toMatch(said);
    expect(stdout).toBe('');
    expect(status).toBe(1);
  });
});
