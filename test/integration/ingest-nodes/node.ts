import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** An ingest in a process of its own. */
export interface IngestNode extends AsyncDisposable {
  readonly name: string;
  readonly rtmpPort: number;
  signal(signal: NodeJS.Signals): void;
  log(): string;
  readonly ended: Promise<void>;
}

/** Starts an ingest on NATS. Rejects with its log where it does not start. */
export async function startNode(url: string, name: string, folder: string): Promise<IngestNode> {
  const child = spawn(process.execPath, [fileURLToPath(new URL('node-main.ts', import.meta.url)), url, name, folder], { stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  const note = (chunk: Buffer): void => {
    log = (log + chunk.toString()).slice(-100_000);
  };
  child.stderr.on('data', note);
  child.stdout.on('data', note);
  const ended = once(child, 'close').then(() => undefined);
  const rtmpPort = await new Promise<number>((resolve, reject) => {
    child.stdout.on('data', () => {
      const port = /^port (\d+)$/m.exec(log)?.[1];
      if (port !== undefined) {
        resolve(Number(port));
      }
    });
    void ended.then(() => reject(new Error(`the ingest ended:\n${log}`)));
  });
  return {
    name,
    rtmpPort,
    signal: (signal) => void child.kill(signal),
    log: () => log,
    ended,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
