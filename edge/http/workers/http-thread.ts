import { MessageChannel, Worker, type WorkerOptions } from 'node:worker_threads';

import type { Bus } from '#core/bus/bus.ts';
import { serveBus } from '#core/bus/worker/serve-bus.ts';
import { millis, type Millis } from '#core/media/time.ts';
import { MillraceError } from '#core/runtime/errors.ts';
import type { Logger } from '#core/runtime/log.ts';

import type { HttpWorkerData, WorkerFacts, WorkerReport, WorkerRequest, WorkerState } from './messages.ts';

/** Starts a thread. */
export type Spawn = (file: URL, options: WorkerOptions) => Worker;

/** What a thread is made of. */
export type HttpThreadOptions = {
  readonly bus: Bus;
  /** From 1. */
  readonly number: number;
  readonly data: Omit<HttpWorkerData, 'bus'>;
  readonly facts: (facts: WorkerFacts) => void;
  readonly log: Logger;
  readonly spawn?: Spawn | undefined;
};

/** Ports as they are open. */
export type WorkerPorts = { readonly httpPort: number; readonly httpsPort: number | undefined };

/** A thread that stands still is ended so long after its connections had to be over. */
const CLOSE_MILLIS = millis(2000);

const FILE = new URL('./http-worker.ts', import.meta.url);

/** One worker thread, as the main thread sees it. */
export class HttpThread {
  /** Settles with the ports once it listens; rejects where it cannot, or ended before. */
  readonly listening: Promise<WorkerPorts>;
  /** Settles when the thread has ended, in whichever way. */
  readonly ended: Promise<void>;
  readonly #worker: Worker;
  readonly #options: HttpThreadOptions;
  readonly #log: Logger;
  readonly #ports = Promise.withResolvers<WorkerPorts>();
  readonly #end = Promise.withResolvers<void>();
  #closing: Promise<void> | undefined;
  #isEnded = false;

  constructor(options: HttpThreadOptions) {
    this.#options = options;
    const { bus, number, data, log, spawn = spawnWorker } = options;
    this.listening = this.#ports.promise;
    this.listening.catch(() => undefined);
    this.ended = this.#end.promise;
    this.#log = log.child({ worker: number });
    const { port1, port2 } = new MessageChannel();
    const service = serveBus(bus, port1);
    const workerData: HttpWorkerData = { ...data, bus: port2 };
    this.#worker = spawn(FILE, { name: `http-${number}`, workerData, transferList: [port2] });
    this.#worker.on('message', (report: WorkerReport) => this.#take(report));
    this.#worker.on('error', (error) => this.#log.error({ err: error }, 'an HTTP worker failed'));
    this.#worker.on('exit', () => {
      // Its last messages are read before: they hold what was counted.
      setImmediate(() => {
        this.#isEnded = true;
        service.close();
        this.#ports.reject(new MillraceError('edge/listen', 'A thread for HTTP ended before it listened.'));
        this.#end.resolve();
      });
    });
  }

  /** Tells it what the main thread knows. */
  know(state: WorkerState): void {
    this.#post({ do: 'know', state });
  }

  /** Has nobody wait any more. */
  stop(): void {
    this.#post({ do: 'stop' });
  }

  /** Gives its connections so long to finish, and ends the thread. Idempotent. */
  close(grace: Millis): Promise<void> {
    return (this.#closing ??= (async () => {
      this.#post({ do: 'close', grace });
      const patience = setTimeout(() => void this.#worker.terminate(), grace + CLOSE_MILLIS);
      await this.ended;
      clearTimeout(patience);
    })());
  }

  #take(report: WorkerReport): void {
    switch (report.tell) {
      case 'listening':
        this.#ports.resolve({ httpPort: report.httpPort, httpsPort: report.httpsPort });
        break;
      case 'failed':
        this.#log.error({ code: report.code, reason: report.message }, 'an HTTP worker cannot listen');
        this.#ports.reject(new MillraceError(report.code, report.message));
        break;
      case 'facts':
        this.#options.facts(report.facts);
        break;
      case 'log':
        this.#write(report.line);
        break;
    }
  }

  #write(line: string): void {
    const { level, msg, time: _time, pid: _pid, ...facts } = JSON.parse(line) as Record<string, unknown>;
    const write = level === 'error' || level === 'fatal' ? 'error' : level === 'warn' ? 'warn' : level === 'info' ? 'info' : 'debug';
    this.#log[write](facts, typeof msg === 'string' ? msg : '');
  }

  #post(request: WorkerRequest): void {
    if (!this.#isEnded) {
      this.#worker.postMessage(request);
    }
  }
}

function spawnWorker(file: URL, options: WorkerOptions): Worker {
  return new Worker(file, options);
}
