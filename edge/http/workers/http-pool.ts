import type { Bus } from '#core/bus/bus.ts';
import type { Clock, Millis } from '#core/media/time.ts';
import { messageOf } from '#core/runtime/errors.ts';
import type { Logger } from '#core/runtime/log.ts';
import { WorkerPlaces } from '#core/runtime/worker-places.ts';

import type { Audience } from '../../audience/audience.ts';
import type { EdgeMetrics } from '../metrics.ts';
import { HttpThread, type HttpThreadOptions, type Spawn, type WorkerPorts } from './http-thread.ts';
import type { WorkerFacts, WorkerState } from './messages.ts';
import { WorkerCrowd } from './worker-crowd.ts';

/** What a pool is made of. */
export type HttpPoolOptions = {
  /** How many threads. */
  readonly size: number;
  readonly bus: Bus;
  /** What each is started with. */
  readonly data: Omit<HttpThreadOptions['data'], 'state'>;
  readonly state: WorkerState;
  readonly metrics: Pick<EdgeMetrics, 'add'>;
  readonly audience: Audience;
  readonly clock: Clock;
  readonly log: Logger;
  readonly spawn?: Spawn | undefined;
};

/** Threads that serve live media over one port. One that ends takes its connections along, and another takes its place. */
export class HttpPool {
  readonly #options: HttpPoolOptions;
  readonly #places: WorkerPlaces<HttpThread>;
  /** What each place last told; undefined while no thread is there. */
  readonly #facts: (WorkerFacts | undefined)[];
  #state: WorkerState;
  #passedOn = 0;

  constructor(options: HttpPoolOptions) {
    this.#options = options;
    this.#state = options.state;
    this.#facts = Array.from({ length: options.size }, () => undefined);
    this.#places = new WorkerPlaces({
      size: options.size,
      start: (number) => this.#start(number),
      replaced: (worker, pause) => options.log.warn({ worker, pause }, 'an HTTP worker has ended and its connections with it; another takes its place'),
      failed: (error) => options.log.error({ reason: messageOf(error) }, 'an HTTP worker cannot be started'),
    });
  }

  /** Settles once every thread listens. @throws {MillraceError} `edge/port-in-use`, `edge/listen`, `edge/tls`. */
  async listening(): Promise<WorkerPorts | undefined> {
    const [ports] = await Promise.all(this.#places.running.map(({ listening }) => listening));
    return ports;
  }

  /** Open connections by thread. */
  get connectionsByThread(): readonly number[] {
    return this.#facts.map((facts) => facts?.connections ?? 0);
  }

  /** Requests that wait for media. */
  get waiting(): number {
    return this.#facts.reduce((sum, facts) => sum + (facts?.waiting ?? 0), 0);
  }

  /** How busy each thread is, 0 to 1. */
  get loads(): readonly number[] {
    return this.#facts.flatMap((facts) => facts?.load ?? []);
  }

  /** Requests that went on to the main thread. */
  get passedOn(): number {
    return this.#passedOn;
  }

  /** Threads that were started again. */
  get restarts(): number {
    return this.#places.restarts;
  }

  /** Tells all threads, those to come too. */
  know(state: WorkerState): void {
    if (JSON.stringify(state) !== JSON.stringify(this.#state)) {
      this.#state = state;
      this.#places.running.forEach((thread) => thread.know(state));
    }
  }

  /** Has nobody wait any more. */
  stop(): void {
    this.#places.running.forEach((thread) => thread.stop());
  }

  /** Gives connections so long to finish, and ends the threads. Idempotent. */
  async close(grace: Millis): Promise<void> {
    this.#places.stop();
    await Promise.all(this.#places.running.map((thread) => thread.close(grace)));
  }

  #start(number: number): HttpThread {
    const { bus, data, log, spawn, audience, clock } = this.#options;
    const crowd = new WorkerCrowd(audience, clock);
    const thread = new HttpThread({ bus, log, spawn, number, data: { ...data, state: this.#state }, facts: (facts) => this.#take(number, crowd, facts) });
    void thread.ended.then(() => {
      crowd.close();
      this.#facts[number - 1] = undefined;
    });
    return thread;
  }

  #take(number: number, crowd: WorkerCrowd, facts: WorkerFacts): void {
    this.#facts[number - 1] = facts;
    this.#passedOn += facts.passedOn;
    this.#options.metrics.add(facts.counts);
    crowd.take(facts.viewers);
  }
}
