import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A clip on disk that many broadcasters send without encoding it again. */
export type Clip = { readonly path: string; [Symbol.asyncDispose](): Promise<void> };

/** Makes a clip: a test picture with a counter, 30 fps, a key frame each second, and a tone. */
export async function makeClip({ seconds = 20, size = '640x360', kilobits = 800 } = {}): Promise<Clip> {
  const home = await mkdtemp(join(tmpdir(), 'millrace-clip-'));
  const path = join(home, 'clip.flv');
  await run('ffmpeg', [
    ...['-hide_banner', '-loglevel', 'error', '-nostdin', '-f', 'lavfi', '-i', `testsrc2=size=${size}:rate=30`, '-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=48000'],
    ...['-c:v', 'libx264', '-preset', 'ultrafast', '-profile:v', 'baseline', '-pix_fmt', 'yuv420p', '-g', '30', '-sc_threshold', '0'],
    ...['-b:v', `${kilobits}k`, '-maxrate', `${kilobits}k`, '-bufsize', `${kilobits}k`, '-c:a', 'aac', '-b:a', '96k', '-ac', '2', '-t', `${seconds}`, path],
  ]);
  return { path, [Symbol.asyncDispose]: () => rm(home, { recursive: true, force: true }) };
}

/** Options of {@link startBroadcaster}. */
export type BroadcasterOptions = {
  readonly clip: Clip;
  /** Where to publish, key included. After a connection that ended the next is tried, and the first again, as broadcasters' software does with its servers. */
  readonly urls: readonly string[];
  /** Milliseconds between two attempts. Default 500. */
  readonly pause?: number;
  /** Seconds after which it ends by itself. Default 300: no test leaves one behind for ever. */
  readonly seconds?: number;
};

/** A broadcaster whose software reconnects. */
export type Broadcaster = {
  /** The ffmpeg that sends now. */
  process(): ChildProcess | undefined;
  /** Connections begun so far. */
  readonly connections: number;
  log(): string;
  [Symbol.asyncDispose](): Promise<void>;
};

/** Starts a broadcaster who comes back whenever the connection is lost. */
export function startBroadcaster({ clip, urls, pause = 500, seconds = 300 }: BroadcasterOptions): Broadcaster {
  const end = performance.now() + seconds * 1000;
  let child: ChildProcess | undefined;
  let connections = 0;
  let log = '';
  let stopped = false;
  const send = async (): Promise<void> => {
    while (!stopped && performance.now() < end) {
      const url = urls[connections % urls.length] ?? '';
      connections += 1;
      child = spawn(
        'ffmpeg',
        [...['-hide_banner', '-loglevel', 'warning', '-nostdin', '-re', '-stream_loop', '-1', '-i', clip.path], ...['-c', 'copy', '-t', `${seconds}`, '-flush_packets', '1', '-f', 'flv', '-rw_timeout', '3000000', url]],
        { stdio: ['ignore', 'ignore', 'pipe'] },
      );
      child.stderr?.on('data', (chunk: Buffer) => (log = (log + chunk.toString()).slice(-20_000)));
      await once(child, 'exit');
      if (!stopped) {
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
    }
  };
  const running = send();
  return {
    process: () => child,
    get connections() {
      return connections;
    },
    log: () => log,
    [Symbol.asyncDispose]: async () => {
      stopped = true;
      child?.kill('SIGKILL');
      await running;
    },
  };
}
