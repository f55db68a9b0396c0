import { spawn } from 'node:child_process';
import { once } from 'node:events';

import type { Clip } from '#test/support/broadcaster.ts';

/** An ffmpeg that publishes until it is ended. */
export interface Encoder extends AsyncDisposable {
  readonly pid: number;
  signal(signal: NodeJS.Signals): void;
  /** What it wrote to standard error. */
  log(): string;
  /** Settles when it has ended. */
  readonly ended: Promise<void>;
}

/** Publishes a clip in real time, in a loop, without encoding it. At most a minute. */
export function publish(clip: Clip, url: string): Encoder {
  const child = spawn(
    'ffmpeg',
    [...['-hide_banner', '-loglevel', 'warning', '-nostdin', '-re', '-stream_loop', '-1', '-i', clip.path], ...['-c', 'copy', '-t', '60', '-flush_packets', '1', '-f', 'flv', url]],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => {
    log = (log + chunk.toString()).slice(-10_000);
  });
  const ended = once(child, 'close').then(() => undefined);
  return {
    pid: child.pid ?? 0,
    signal: (signal) => void child.kill(signal),
    log: () => log,
    ended,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
