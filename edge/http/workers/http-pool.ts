import type { Bus } from '#core/bus/bus.ts';
import type { Clock, Millis } from '#core/media/time.ts';
import { messageOf } from '#core/runtime/errors.ts';
import type { Logger } from '#core/runtime/log.ts';

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

/** A thread that has run for so long may end without making its successor wait. */
const STEADY_MILLIS = 10_000;
/** Else the next one waits, each time twice as long. */
const FIRST_PAUSE_MILLIS = 500;
const LONGEST_PAUSE_MILLIS = 30_000;

/** A place in the pool: a thread, or a pause before the next. */
type Place = { readonly number: number; thread: HttpThread | undefined; facts: WorkerFacts | undefined; pause: number; timer: NodeJS.Timeout | undefined };

/** Threads that serve live media over one port. One that ends takes its connections along, and another takes its place. */
export class HttpPool {
  readonly #options: HttpPoolOptions;
  readonly #places: readonly Place[];
  #state: WorkerState;
  #restarts = 0;
  #passedOn = 0;
  #isClosing = false;

  constructor(options: HttpPoolOptions) {
    this.#options = options;
    this.#state = options.state;
    this.#places = Array.from({ length: options.size }, (_, at) => ({ number: at + 1, thread: undefined, facts: undefined, pause: FIRST_PAUSE_MILLIS, timer: undefined }));
    this.#places.forEach((place) => this.#start(place));
  }

  /** Settles once every thread listens. @throws {MillraceError} `edge/port-in-use`, `edge/listen`, `edge/tls`. */
  async listening(): Promise<WorkerPorts | undefined> {
    const [ports] = await Promise.all(this.#threads.map(({ listening }) => listening));
    return ports;
  }

  /** Open connections by thread. */
  get connectionsByThread(): readonly number[] {
    return this.#places.map(({ facts }) => facts?.connections ?? 0);
  }

  /** Requests that wait for media. */
  get waiting(): number {
    return this.#places.reduce((sum, { facts }) => sum + (facts?.waiting ?? 0), 0);
  }

  /** How busy each thread is, 0 to 1. */
  get loads(): readonly number[] {
    return this.#places.flatMap(({ facts }) => facts?.load ?? []);
  }

  /** Requests that went on to the main thread. */
  get passedOn(): number {
    return this.#passedOn;
  }

  /** Threads that were started again. */
  get restarts(): number {
    return this.#restarts;
  }

  /** Tells all threads, those to come too. */
  know(state: WorkerState): void {
    if (JSON.stringify(state) !== JSON.stringify(this.#state)) {
      this.#state = state;
      this.#threads.forEach((thread) => thread.know(state));
    }
  }

  /** Has nobody wait any more. */
  stop(): void {
    this.#threads.forEach((thread) => thread.stop());
  }

  /** Gives connections so long to finish, and ends the threads. Idempotent. */
  async close(grace: Millis): Promise<void> {
    this.#isClosing = true;
    this.#places.forEach(({ timer }) => clearTimeout(timer));
    await Promise.all(this.#threads.map((thread) => thread.close(grace)));
  }

  get #threads(): readonly HttpThread[] {
    return this.#places.flatMap(({ thread }) => thread ?? []);
  }

  #start(place: Place): void {
    const { bus, data, log, spawn, audience, clock } = this.#options;
    const startedAt = performance.now();
    const crowd = new WorkerCrowd(audience, clock);
    try {
      const thread = new HttpThread({ bus, log, spawn, number: place.number, data: { ...data, state: this.#state }, facts: (facts) => this.#take(place, crowd, facts) });
      place.thread = thread;
      void thread.ended.then(() => {
        crowd.close();
        this.#ended(place, performance.now() - startedAt);
      });
    } catch (error) {
      log.error({ reason: messageOf(error) }, 'an HTTP worker cannot be started');
      this.#startLater(place);
    }
  }

  #take(place: Place, crowd: WorkerCrowd, facts: WorkerFacts): void {
    place.facts = facts;
    this.#passedOn += facts.passedOn;
    this.#options.metrics.add(facts.counts);
    crowd.take(facts.viewers);
  }

  #ended(place: Place, lived: number): void {
    place.thread = undefined;
    place.facts = undefined;
    if (!this.#isClosing) {
      if (lived >= STEADY_MILLIS) {
        place.pause = FIRST_PAUSE_MILLIS;
      }
      this.#options.log.warn({ worker: place.number, pause: place.pause }, 'an HTTP worker has ended and its connections with it; another takes its place');
      this.#startLater(place);
    }
  }

  #startLater(place: Place): void {
    place.timer = setTimeout(() => {
      this.#restarts += 1;
      this.#start(place);
    }, place.pause);
    place.timer.unref();
    place.pause = Math.min(2 * place.pause, LONGEST_PAUSE_MILLIS);
  }
}
