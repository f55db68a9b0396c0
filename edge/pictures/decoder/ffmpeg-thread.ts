import { Worker } from 'node:worker_threads';

import { millis } from '#core/media/time.ts';
import { messageOf, MillraceError } from '#core/runtime/errors.ts';

import type { ShortRun } from './run-ffmpeg.ts';

/** What the worker is asked: a run, or to end the one that goes on and to begin no other. */
export type ThreadRequest = Omit<ShortRun, 'signal'> | 'stop';

/** What it answers to a run. */
export type ThreadAnswer = { readonly output: Uint8Array } | { readonly code: string; readonly message: string };

type Pending = { readonly resolve: (output: Buffer) => void; readonly reject: (error: MillraceError) => void };

const FILE = new URL('./ffmpeg-worker.ts', import.meta.url);

/** A thread that nobody needs is ended after this long. To start one takes 50 ms. */
const IDLE = millis(30_000);

/**
 * Runs ffmpeg from a thread of its own: to start a process holds up the thread that does it for milliseconds (3 to 5, measured on two busy cores), and the main thread
 * carries frames. One run at a time.
 */
export class FfmpegThread {
  #worker: Worker | undefined;
  #pending: Pending | undefined;
  #idle: NodeJS.Timeout | undefined;
  #closing: Promise<void> | undefined;

  /**
   * As {@link runFfmpeg}. Called again only when the run before has settled.
   *
   * @throws {MillraceError} as there.
   */
  run(request: Omit<ShortRun, 'signal'>): Promise<Buffer> {
    clearTimeout(this.#idle);
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
    if (this.#closing !== undefined) {
      reject(new MillraceError('pictures/stopped', 'The server stops.'));
      return promise;
    }
    this.#pending = { resolve, reject };
    (this.#worker ??= this.#start()).postMessage(request satisfies ThreadRequest);
    return promise;
  }

  /** Ends the ffmpeg that runs, and the thread. Idempotent. */
  close(): Promise<void> {
    return (this.#closing ??= (async () => {
      clearTimeout(this.#idle);
      const worker = this.#worker;
      if (worker !== undefined) {
        worker.postMessage('stop' satisfies ThreadRequest);
        // Ended before its ffmpeg is, it could not kill that any more.
        await new Promise<void>((resolve) => this.#whenSettled(resolve));
        await worker.terminate();
      }
    })());
  }

  #start(): Worker {
    const worker = new Worker(FILE, { name: 'pictures' });
    worker.unref();
    worker.on('message', (answer: ThreadAnswer) => this.#take(answer));
    worker.on('error', (cause) => this.#lost(worker, messageOf(cause)));
    worker.on('exit', () => this.#lost(worker, 'its thread has ended'));
    return worker;
  }

  #take(answer: ThreadAnswer): void {
    const pending = this.#pending;
    this.#pending = undefined;
    this.#idle = setTimeout(() => this.#rest(), IDLE).unref();
    if ('output' in answer) {
      const { buffer, byteOffset, byteLength } = answer.output;
      pending?.resolve(Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength));
    } else {
      pending?.reject(new MillraceError(answer.code, answer.message));
    }
  }

  /** The next run has a new thread. */
  #lost(worker: Worker, reason: string): void {
    if (this.#worker === worker) {
      this.#worker = undefined;
      this.#pending?.reject(new MillraceError('pictures/ffmpeg', `ffmpeg cannot be started: ${reason}`));
      this.#pending = undefined;
    }
  }

  #rest(): void {
    const worker = this.#worker;
    this.#worker = undefined;
    void worker?.terminate();
  }

  #whenSettled(then: () => void): void {
    const pending = this.#pending;
    if (pending === undefined) {
      then();
      return;
    }
    this.#pending = {
      resolve: (output) => (pending.resolve(output), then()),
      reject: (error) => (pending.reject(error), then()),
    };
  }
}
