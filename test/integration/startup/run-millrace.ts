import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const launcher = fileURLToPath(new URL('../../../infra/bin/millrace.js', import.meta.url));

/** Options of {@link runMillrace}. */
export type RunOptions = {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The Node to launch with. Default: the one that runs the tests. */
  readonly node?: string;
  /** User to run as, where the tests run as root. */
  readonly uid?: number;
  /** In a process group of its own, as a shell starts it. */
  readonly detached?: boolean;
};

/** A run of the command line. */
export type MillraceRun = {
  readonly child: ChildProcess;
  stdout(): string;
  stderr(): string;
  /** Exit code, or the name of the signal that ended it, once all output is read. */
  readonly ended: Promise<number | NodeJS.Signals | null>;
  [Symbol.asyncDispose](): Promise<void>;
};

/** Runs `millrace` without the settings of whoever runs the tests. */
export function runMillrace(options: RunOptions = {}): MillraceRun {
  const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('MILLRACE_')));
  const child = spawn(options.node ?? process.execPath, [launcher, ...(options.args ?? [])], {
    env: { ...clean, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: options.detached ?? false,
    ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text));
  const ended = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | NodeJS.Signals | null);
  return {
    child,
    stdout: () => output.stdout,
    stderr: () => output.stderr,
    ended,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
