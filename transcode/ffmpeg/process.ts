import { spawn, type ChildProcess } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { setPriority } from 'node:os';
import { PassThrough, type Readable, type Writable } from 'node:stream';

import { messageOf } from '#core/runtime/errors.ts';
import type { Logger } from '#core/runtime/log.ts';
import { FIRST_OUTPUT } from './arguments.ts';
import { LineTail } from './line-tail.ts';

/** How an ffmpeg ended. */
export type FfmpegExit = {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The last lines it complained with. */
  readonly complaints: readonly string[];
};

/** What an ffmpeg is started with. */
export type FfmpegProcessOptions = {
  readonly path: string;
  readonly args: readonly string[];
  /** Number of output pipes. */
  readonly outputs: number;
  readonly log: Logger;
  /** Called with each chunk of an output pipe, counted from 0. */
  readonly onOutput: (output: number, chunk: Uint8Array) => void;
  /** Whether the kernel shall kill ffmpeg when this process ends, where it can. Default true. */
  readonly tied?: boolean;
};

/** Bytes that may wait for ffmpeg to read them; more, and {@link FfmpegProcess.congested} is true. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;
/** Ingest and edge come first: a late rung is better than a late everything. */
const NICENESS = 5;

/**
 * One running ffmpeg. It ends when its input ends, when {@link FfmpegProcess.kill} is called, and when this process is
 * gone: then its pipes break, and on Linux the kernel kills it even where it is stopped or stuck.
 */
export class FfmpegProcess {
  /** Settles, never rejects, when the process is gone and all its output was handed over. */
  readonly exited: Promise<FfmpegExit>;
  readonly #child: ChildProcess;
  readonly #stdin: Writable;
  readonly #tail = new LineTail(20);
  #gone = false;

  constructor(options: FfmpegProcessOptions) {
    const [command, args] = options.tied === false ? [options.path, [...options.args]] : tied(options.path, options.args);
    const outputs = Array.from({ length: options.outputs }, () => 'pipe' as const);
    // In a process group of its own: Ctrl-C on a terminal is ours to answer, in the order of a graceful stop.
    this.#child = spawn(command, args, { stdio: ['pipe', 'ignore', 'pipe', ...outputs], windowsHide: true, detached: true });
    // Out of file descriptors there are no pipes at all, and the error follows.
    this.#stdin = this.#child.stdin ?? new PassThrough().resume();
    // A pipe breaks when ffmpeg dies; `exited` tells of it.
    this.#stdin.on('error', () => undefined);
    this.#readComplaints(options.log);
    for (let output = 0; output < options.outputs; output += 1) {
      const pipe = this.#child.stdio[FIRST_OUTPUT + output] as Readable | null | undefined;
      pipe?.on('data', (chunk: Uint8Array) => options.onOutput(output, chunk));
      pipe?.on('error', () => undefined);
    }
    this.exited = this.#untilGone();
    this.#lowerPriority(options.log);
  }

  /** The process's id; undefined where it could not be started. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** True while more waits for ffmpeg than it should. */
  get congested(): boolean {
    return !this.#gone && this.#stdin.writableLength > MAX_WAITING_BYTES;
  }

  /** Hands bytes to ffmpeg; never waits. What comes after its end is dropped. */
  write(chunks: readonly Uint8Array[]): void {
    if (this.#gone || !this.#stdin.writable) {
      return;
    }
    this.#stdin.cork();
    chunks.forEach((chunk) => this.#stdin.write(chunk));
    this.#stdin.uncork();
  }

  /** Settles when ffmpeg has read enough for more, or is gone. */
  async relieved(): Promise<void> {
    if (this.congested) {
      await new Promise<void>((resolve) => {
        this.#stdin.once('drain', resolve);
        void this.exited.then(() => resolve());
      });
    }
  }

  /** Ends the input: ffmpeg encodes what it has and exits. */
  end(): void {
    this.#stdin.end();
  }

  /** Ends ffmpeg at once, even a stopped one. Idempotent. */
  kill(): void {
    this.#child.kill('SIGKILL');
  }

  #readComplaints(log: Logger): void {
    const { stderr } = this.#child;
    stderr?.setEncoding('utf8');
    stderr?.on('data', (text: string) => {
      for (const line of this.#tail.push(text)) {
        log.debug({ ffmpeg: this.pid }, line);
      }
    });
    stderr?.on('error', () => undefined);
  }

  #untilGone(): Promise<FfmpegExit> {
    return new Promise((resolve) => {
      const gone = (code: number | null, signal: NodeJS.Signals | null): void => {
        this.#gone = true;
        this.#stdin.destroy();
        resolve({ code, signal, complaints: this.#tail.lines });
      };
      // `close` comes after the last output was read; `error` alone where the program could not be started.
      this.#child.once('close', gone);
      this.#child.once('error', (thrown) => {
        this.#tail.push(`${messageOf(thrown)}\n`);
        if (this.#child.pid === undefined) {
          gone(null, null);
        }
      });
    });
  }

  #lowerPriority(log: Logger): void {
    if (this.pid === undefined) {
      return;
    }
    try {
      setPriority(this.pid, NICENESS);
    } catch (thrown) {
      log.debug({ reason: messageOf(thrown) }, 'ffmpeg keeps the normal priority');
    }
  }
}

const SETPRIV = '/usr/bin/setpriv';

/** On Linux the command that has the kernel kill ffmpeg when this process ends, however it ends. */
function tied(path: string, args: readonly string[]): [string, string[]] {
  if (process.platform !== 'linux') {
    return [path, [...args]];
  }
  try {
    accessSync(SETPRIV, constants.X_OK);
    return [SETPRIV, ['--pdeathsig', 'KILL', '--', path, ...args]];
  } catch {
    return [path, [...args]];
  }
}
