import { spawn } from 'node:child_process';
import { setPriority } from 'node:os';

import type { Millis } from '#core/media/time.ts';
import { MillraceError, messageOf } from '#core/runtime/errors.ts';

/** What a short ffmpeg is run with. */
export type ShortRun = {
  readonly path: string;
  readonly args: readonly string[];
  readonly input: readonly Uint8Array[];
  /** It is killed after so long. */
  readonly timeout: Millis;
  /** It is killed when this is raised. */
  readonly signal: AbortSignal;
};

/** Live comes first: encoders run at 5. */
const NICENESS = 10;

/** No JPEG that is made here comes near it. */
const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;

/** What is kept of its complaints. */
const MAX_COMPLAINT = 1000;

/**
 * Runs an ffmpeg that reads from its standard input and writes to its standard output.
 *
 * @returns what it wrote.
 * @throws {MillraceError} `pictures/ffmpeg` where it cannot be started, `pictures/timeout`, `pictures/undecodable` where it fails or writes nothing,
 *   `pictures/stopped`.
 */
export function runFfmpeg({ path, args, input, timeout, signal }: ShortRun): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(stopped());
      return;
    }
    const child = spawn(path, [...args], { stdio: ['pipe', 'pipe', 'pipe'], windowsHide: true });
    const output: Buffer[] = [];
    let bytes = 0;
    let complaint = '';
    let fault: MillraceError | undefined;
    const kill = (reason: MillraceError): void => {
      fault ??= reason;
      child.kill('SIGKILL');
    };
    const timer = setTimeout(() => kill(new MillraceError('pictures/timeout', `ffmpeg did not make a picture within ${timeout} ms.`)), timeout);
    const stop = (): void => kill(stopped());
    signal.addEventListener('abort', stop, { once: true });
    child.stdout.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > MAX_OUTPUT_BYTES) {
        kill(new MillraceError('pictures/undecodable', `ffmpeg wrote more than ${MAX_OUTPUT_BYTES} bytes.`));
      } else {
        output.push(chunk);
      }
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      complaint = (complaint + text).slice(0, MAX_COMPLAINT);
    });
    for (const pipe of [child.stdin, child.stdout, child.stderr]) {
      // A pipe breaks when ffmpeg ends before it has read everything; how it ended is told by `close`.
      pipe.on('error', () => undefined);
    }
    child.once('error', (cause) => {
      fault ??= new MillraceError('pictures/ffmpeg', `"${path}" cannot be started: ${messageOf(cause)}`, { cause });
      if (child.pid === undefined) {
        settle(null);
      }
    });
    child.once('close', (code) => settle(code));
    const settle = (code: number | null): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
      if (fault !== undefined) {
        reject(fault);
      } else if (code !== 0 || bytes === 0) {
        reject(new MillraceError('pictures/undecodable', `ffmpeg made no picture (${code}): ${complaint.trim()}`));
      } else {
        resolve(Buffer.concat(output));
      }
    };
    lowerPriority(child.pid);
    child.stdin.end(Buffer.concat(input));
  });
}

function lowerPriority(pid: number | undefined): void {
  if (pid !== undefined) {
    try {
      setPriority(pid, NICENESS);
    } catch {
      // It has ended already, or the system does not allow it: it is short anyhow.
    }
  }
}

function stopped(): MillraceError {
  return new MillraceError('pictures/stopped', 'The server stops.');
}
