import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import type { TestNetwork } from './network/network.ts';
import type { SwitchedHost } from './network/switch.ts';
import { holdSockets, type SocketHolder } from './socket-holder.ts';
import { until } from './until.ts';

const launcher = fileURLToPath(new URL('../../infra/bin/millrace.js', import.meta.url));

/** Options of {@link startServer}. */
export type ServerOptions = {
  /** What the configuration file says; ports and the data folder are filled in. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** More environment variables. */
  readonly env?: Readonly<Record<string, string>>;
  /**
   * `held`: the listening sockets outlive the server, and whenever it ends another is started, as systemd does with the
   * units of infra/systemd. Default `own`: it opens them itself, and is started again by the test.
   */
  readonly sockets?: 'own' | 'held';
  /** A network of the test's, on whose server side it runs. */
  readonly network?: TestNetwork;
  /** A machine of the test's that it runs on. */
  readonly on?: SwitchedHost;
  /** What it runs as. Default: `up`, every stage. */
  readonly role?: 'up' | 'ingest' | 'transcode' | 'edge' | 'control';
};

/** A server in a process of its own, on ports of its own, with a data folder of its own. */
export type TestServer = {
  readonly url: string;
  readonly httpPort: number;
  readonly rtmpPort: number;
  readonly webrtcPort: number;
  readonly dataDir: string;
  /** The process that runs now; where sockets are held, their holder, the parent of the server's. */
  process(): ChildProcess;
  /** Everything it has written so far. */
  log(): string;
  /** Where to publish with a key. */
  publishUrl(key: string): string;
  /** SIGTERM; the exit code. */
  stop(): Promise<number | null>;
  /** SIGSTOP: it stands still until {@link TestServer.resume}. */
  pause(): void;
  /** SIGCONT. */
  resume(): void;
  /** A signal, by default SIGKILL. Where sockets are held, another has been started by then. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /**
   * Starts again after {@link TestServer.stop} or {@link TestServer.kill}, with the same ports and data folder, and waits
   * until it is ready. After a kill with held sockets: waits alone.
   */
  start(): Promise<void>;
  /** Kills it and removes its data folder. */
  [Symbol.asyncDispose](): Promise<void>;
};

/** Starts the product as a user does (`millrace up`) and waits until it is ready. */
export async function startServer(options: ServerOptions = {}): Promise<TestServer> {
  const home = await mkdtemp(join(tmpdir(), 'millrace-test-'));
  const [httpPort, rtmpPort, webrtcPort] = await freePorts(3);
  const host = options.network?.serverAddress ?? options.on?.address ?? '127.0.0.1';
  const dataDir = join(home, 'data');
  const file = join(home, 'millrace.yaml');
  // JSON is YAML.
  await writeFile(file, JSON.stringify({ host, httpPort, rtmpPort, webrtcPort, dataDir, ...options.config }));
  const url = `http://${host}:${httpPort}`;
  let log = '';
  let child: ChildProcess;
  let holder: SocketHolder | undefined;
  const command: readonly string[] = [...(options.network?.command('server') ?? options.on?.command ?? []), process.execPath, launcher, options.role ?? 'up', '--config', file];
  const env = { ...cleanEnvironment(), ...options.env };

  const ended = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) {
      await once(child, 'exit');
    }
  };
  const signal = async (name: NodeJS.Signals): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill(name);
    }
    await ended();
  };
  const launch = (): void => {
    if (options.sockets === 'held') {
      holder = holdSockets({ ports: { http: httpPort, rtmp: rtmpPort }, command, env });
      child = holder.process;
    } else {
      child = spawn(command[0] ?? '', command.slice(1), { env, stdio: ['ignore', 'pipe', 'pipe'] });
    }
    [child.stdout, child.stderr].forEach((stream) => stream?.on('data', (chunk: Buffer) => (log += chunk.toString())));
  };
  const start = async (): Promise<void> => {
    if (holder === undefined || holder.process.exitCode !== null) {
      launch();
    }
    await until(
      'the server to be ready',
      async () => {
        if (child.exitCode !== null) {
          return true;
        }
        if (options.network !== undefined) {
          return / is ready$/m.test(log);
        }
        return (await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(5000) })).ok;
      },
      { deadline: 60_000 },
    );
    if (child.exitCode !== null) {
      throw new Error(`the server ended with code ${child.exitCode}:\n${log}`);
    }
  };
  const server: TestServer = {
    url,
    httpPort,
    rtmpPort,
    webrtcPort,
    dataDir,
    process: () => child,
    log: () => log,
    publishUrl: (key) => `rtmp://${host}:${rtmpPort}/live/${key}`,
    stop: async () => {
      await signal('SIGTERM');
      return child.exitCode;
    },
    pause: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
    kill: (name = 'SIGKILL') => (holder === undefined ? signal(name) : holder.kill(name)),
    start,
    [Symbol.asyncDispose]: async () => {
      await (holder === undefined ? signal('SIGKILL') : holder[Symbol.asyncDispose]());
      await rm(home, { recursive: true, force: true });
    },
  };
  try {
    await start();
    return server;
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
}

/** The environment without the settings of whoever runs the tests. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('MILLRACE_')));
}

/** Ports that nothing listened on a moment ago. */
export async function freePorts(count: 2): Promise<[number, number]>;
export async function freePorts(count: 3): Promise<[number, number, number]>;
export async function freePorts(count: number): Promise<number[]>;
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  await Promise.all(servers.map((server) => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
