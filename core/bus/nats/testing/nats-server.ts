import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Options of {@link startNatsServer}. */
export type NatsServerOptions = {
  /** Port for clients. Default: a free one below the range that systems give to outgoing connections: a client that dials the port of a stopped server must not meet itself. */
  readonly port?: number;
  /** Address to listen on. Default 127.0.0.1; the monitor is there whatever this is. */
  readonly host?: string;
  /** Folder of JetStream's store, kept on {@link TestNatsServer.stop}. Default: one of its own, removed then. */
  readonly store?: string;
  /** Lines of configuration: `max_payload: 65536`, `authorization { token: "x" }`, `tls { ... }`. */
  readonly config?: string;
  /** Default true. */
  readonly jetstream?: boolean;
  /** Name of the server. Needed, and unique, where `config` has a cluster. Default: made from the port. */
  readonly name?: string;
};

/** A real nats-server of a test. */
export interface TestNatsServer {
  readonly url: string;
  readonly port: number;
  /** Port of its HTTP monitor (`/connz`, `/varz`, `/subsz`). */
  readonly monitorPort: number;
  readonly store: string;
  /** Of the process that runs now. */
  readonly pid: number | undefined;
  /** Ends it with SIGTERM, and waits until it is gone. It can be {@link TestNatsServer.restart}ed. */
  end(): Promise<void>;
  /** Ends it with SIGKILL, likewise. */
  kill(): Promise<void>;
  /** Starts it again on the same ports; ends it before where it runs. With `wipe` the store is emptied. */
  restart(options?: { readonly wipe?: boolean }): Promise<void>;
  /** SIGSTOP: it holds its connections and says nothing. */
  pause(): void;
  resume(): void;
  /** What its monitor says, as JSON. */
  monitor(path: string): Promise<unknown>;
  /** Ends it for good, and removes what was made for it. Idempotent. */
  stop(): Promise<void>;
}

/** Starts nats-server with JetStream and waits until it takes connections. Rejects with what it wrote where it does not start. */
export async function startNatsServer(options: NatsServerOptions = {}): Promise<TestNatsServer> {
  const folder = mkdtempSync(join(tmpdir(), 'nats-server-'));
  const port = options.port ?? (await freePort());
  const host = options.host ?? '127.0.0.1';
  const server = new RunningNatsServer(host, port, await freePort(), options.store ?? join(folder, 'store'), folder);
  writeFileSync(
    server.configFile,
    [
      `server_name: "${options.name ?? `test-${port}`}"`,
      `host: ${host}`,
      `port: ${port}`,
      `http: "127.0.0.1:${server.monitorPort}"`,
      // A store in the folder of a test need not survive a power cut, and the machine's disk is shared.
      ...(options.jetstream === false ? [] : [`jetstream { store_dir: "${server.store}", max_mem: 64MB, max_file: 512MB }`]),
      options.config ?? '',
    ].join('\n'),
  );
  await server.restart();
  return server;
}

/** A port that nobody listens on, outside the range of outgoing connections. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    const probe = createServer();
    const free = await new Promise<boolean>((resolve) => {
      probe.once('error', () => resolve(false));
      probe.listen(port, '127.0.0.1', () => resolve((probe.address() as AddressInfo).port === port));
    });
    await new Promise((resolve) => probe.close(resolve));
    if (free) {
      return port;
    }
  }
}

class RunningNatsServer implements TestNatsServer {
  readonly url: string;
  readonly configFile: string;
  readonly port: number;
  readonly monitorPort: number;
  readonly store: string;
  readonly #folder: string;
  readonly #host: string;
  #process: ChildProcess | undefined;
  #output = '';

  constructor(host: string, port: number, monitorPort: number, store: string, folder: string) {
    this.#host = host;
    this.port = port;
    this.monitorPort = monitorPort;
    this.store = store;
    this.#folder = folder;
    this.url = `nats://${host}:${port}`;
    this.configFile = join(folder, 'server.conf');
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  async restart({ wipe = false }: { readonly wipe?: boolean } = {}): Promise<void> {
    await this.end();
    if (wipe) {
      rmSync(this.store, { recursive: true, force: true });
    }
    this.#output = '';
    const process = spawn('nats-server', ['-c', this.configFile], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#process = process;
    const failed = Promise.withResolvers<never>();
    failed.promise.catch(() => undefined);
    process.once('error', (error) => failed.reject(new Error(`nats-server does not start: ${error.message}`)));
    process.once('exit', () => failed.reject(new Error(`nats-server ended:\n${this.#output}`)));
    const ready = new Promise<void>((resolve) => {
      const read = (chunk: Buffer): void => {
        this.#output = (this.#output + chunk.toString()).slice(-20_000);
        if (this.#output.includes('Server is ready')) {
          resolve();
        }
      };
      process.stdout.on('data', read);
      process.stderr.on('data', read);
    });
    await Promise.race([ready, failed.promise]);
    await reachable(this.#host, this.port);
  }

  end(): Promise<void> {
    return this.#end('SIGTERM');
  }

  kill(): Promise<void> {
    return this.#end('SIGKILL');
  }

  pause(): void {
    this.#process?.kill('SIGSTOP');
  }

  resume(): void {
    this.#process?.kill('SIGCONT');
  }

  async monitor(path: string): Promise<unknown> {
    const response = await fetch(`http://127.0.0.1:${this.monitorPort}${path}`);
    return response.json();
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const process = this.#process;
    this.#process = undefined;
    if (process === undefined || process.exitCode !== null || process.signalCode !== null || process.pid === undefined) {
      return;
    }
    const gone = once(process, 'exit');
    process.kill('SIGCONT');
    process.kill(signal);
    await gone;
  }
}

async function reachable(host: string, port: number): Promise<void> {
  for (;;) {
    const socket = connect(port, host);
    const open = await new Promise<boolean>((resolve) => {
      socket.once('data', () => resolve(true));
      socket.once('error', () => resolve(false));
      socket.once('close', () => resolve(false));
    });
    socket.destroy();
    if (open) {
      return;
    }
  }
}
