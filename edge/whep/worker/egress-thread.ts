import { MessageChannel, Worker, type WorkerOptions } from 'node:worker_threads';

import type { Bus } from '#core/bus/bus.ts';
import { serveBus } from '#core/bus/worker/serve-bus.ts';
import { millis } from '#core/media/time.ts';
import type { Logger } from '#core/runtime/log.ts';
import type { RestartAnswer } from '#core/rtc/sdp/fragment.ts';
import { Refusal } from '#core/rtc/signalling/refusal.ts';
import type { IceCredentials, WorkerSeats } from '#core/rtc/transport.ts';

import type { EgressFacts, PathSample } from '../egress-facts.ts';
import type { EgressObserver, ViewerRequest } from '../egress.ts';
import type { LayerWish } from '../layers.ts';
import { readError, type EgressReport, type EgressRequest, type EgressWorkerData } from './messages.ts';

/** Starts a thread. */
export type Spawn = (file: URL, options: WorkerOptions) => Worker;

/** What a thread is made of. */
export type EgressThreadOptions = {
  readonly bus: Bus;
  readonly seats: WorkerSeats;
  readonly observer: EgressObserver;
  readonly log: Logger;
  readonly spawn?: Spawn | undefined;
};

/** A question to the worker that is not answered yet. */
type Call = { readonly resolve: (value: unknown) => void; readonly reject: (error: Error) => void };

/** A goodbye to every viewer takes a few milliseconds; a thread that stands still is ended. */
const CLOSE_MILLIS = millis(2000);

const FILE = new URL('./egress-worker.ts', import.meta.url);

/** One worker thread with an egress, as the main thread sees it. What is asked before it runs waits in its port. */
export class EgressThread {
  /** Settles when the thread has ended, in whichever way; its viewers have been told of as ended by then. */
  readonly ended: Promise<void>;
  readonly #worker: Worker;
  readonly #observer: EgressObserver;
  readonly #log: Logger;
  readonly #calls = new Map<number, Call>();
  readonly #viewers = new Set<string>();
  readonly #end = Promise.withResolvers<void>();
  #nextCall = 1;
  #facts: EgressFacts | undefined;
  #samples: readonly PathSample[] = [];
  #closing: Promise<void> | undefined;
  #isEnded = false;

  /** @throws {MillraceError} `rtc/too-many-workers`, `rtc/stopping`. */
  constructor({ bus, seats, observer, log, spawn = spawnWorker }: EgressThreadOptions) {
    this.#observer = observer;
    this.ended = this.#end.promise;
    const busPorts = new MessageChannel();
    const rtcPorts = new MessageChannel();
    const seat = seats.add(rtcPorts.port1);
    const service = serveBus(bus, busPorts.port1);
    this.#log = log.child({ worker: seat.setup.number });
    const workerData: EgressWorkerData = { bus: busPorts.port2, rtc: rtcPorts.port2, setup: seat.setup };
    this.#worker = spawn(FILE, { name: `egress-${seat.setup.number}`, workerData, transferList: [busPorts.port2, rtcPorts.port2] });
    this.#worker.on('message', (report: EgressReport) => this.#take(report));
    this.#worker.on('error', (error) => this.#log.error({ err: error }, 'a WebRTC worker failed'));
    this.#worker.on('exit', () => {
      // The ports' last messages are read before the seat is given up: they hold what was counted.
      setImmediate(() => {
        service.close();
        seat.remove();
        this.#over();
      });
    });
  }

  /** Viewers, those that are about to be made included. */
  get viewers(): ReadonlySet<string> {
    return this.#viewers;
  }

  /** What it last told of itself. */
  get facts(): EgressFacts | undefined {
    return this.#facts;
  }

  get samples(): readonly PathSample[] {
    return this.#samples;
  }

  /** As `Egress.create`. */
  async create(request: ViewerRequest): Promise<string> {
    this.#viewers.add(request.id);
    try {
      return (await this.#ask((call) => ({ do: 'create', call, request }))) as string;
    } catch (thrown) {
      this.#viewers.delete(request.id);
      throw thrown;
    }
  }

  /** As `Egress.restart`. */
  restart(id: string, ice: IceCredentials): Promise<RestartAnswer | undefined> {
    return this.#ask((call) => ({ do: 'restart', call, id, ice })) as Promise<RestartAnswer | undefined>;
  }

  /** As `Egress.wish`. */
  wish(id: string, wish: LayerWish): Promise<boolean> {
    return this.#ask((call) => ({ do: 'wish', call, id, wish })) as Promise<boolean>;
  }

  /** As `Egress.remove`. */
  remove(id: string): void {
    this.#post({ do: 'remove', id });
  }

  /** Says goodbye to every viewer and ends the thread. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= (async () => {
      this.#post({ do: 'close' });
      const patience = setTimeout(() => void this.#worker.terminate(), CLOSE_MILLIS);
      await this.ended;
      clearTimeout(patience);
    })();
    return this.#closing;
  }

  #ask(request: (call: number) => EgressRequest): Promise<unknown> {
    if (this.#isEnded || this.#closing !== undefined) {
      return Promise.reject(gone());
    }
    const call = this.#nextCall;
    this.#nextCall += 1;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#calls.set(call, { resolve, reject });
    this.#post(request(call));
    return promise;
  }

  #take(report: EgressReport): void {
    switch (report.tell) {
      case 'answer':
        this.#settle(report.call)?.resolve(report.value);
        break;
      case 'refusal':
        this.#settle(report.call)?.reject(readError(report.refusal));
        break;
      case 'event':
        this.#observer.event(report.viewer, report.event);
        break;
      case 'connected':
        this.#observer.connected(report.viewer);
        break;
      case 'ended':
        this.#viewers.delete(report.viewer);
        this.#observer.ended(report.viewer, report.reason);
        break;
      case 'facts':
        this.#facts = report.facts;
        break;
      case 'samples':
        this.#samples = report.samples;
        break;
      case 'log':
        this.#write(report.line);
        break;
    }
  }

  #settle(id: number): Call | undefined {
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    return call;
  }

  #write(line: string): void {
    const { level, msg, time: _time, pid: _pid, ...facts } = JSON.parse(line) as Record<string, unknown>;
    const write = level === 'error' || level === 'fatal' ? 'error' : level === 'warn' ? 'warn' : level === 'info' ? 'info' : 'debug';
    this.#log[write](facts, typeof msg === 'string' ? msg : '');
  }

  #over(): void {
    this.#isEnded = true;
    const viewers = [...this.#viewers];
    this.#viewers.clear();
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    calls.forEach(({ reject }) => reject(gone()));
    viewers.forEach((viewer) => this.#observer.ended(viewer, 'transport-closed'));
    this.#end.resolve();
  }

  #post(request: EgressRequest): void {
    if (!this.#isEnded) {
      this.#worker.postMessage(request);
    }
  }
}

function spawnWorker(file: URL, options: WorkerOptions): Worker {
  return new Worker(file, options);
}

function gone(): Refusal {
  return new Refusal(503, 'whep/worker-gone', 'The part of the server that was to send the media has ended. Another takes its place.', { retryAfter: 1 });
}
